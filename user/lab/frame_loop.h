// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Event loop for lab components that run on a host: frames of its interfaces and timed actions, in
// one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

#include "user/base/result.h"
#include "user/lab/forgery.h"
#include "user/lab/namespace.h"
#include "user/lab/packet_socket.h"
#include "user/lab/socket.h"

namespace flowstamp::lab {

/// Opened in one thread, run in another, stopped from any; all else belongs to the running thread.
class FrameLoop {
  public:
    using Action = std::function<void()>;
    /// Called with each frame that arrived for this host from that end's direction. The bytes are
    /// valid only during the call.
    using OnFrame = std::function<void(Side from, FrameView frame)>;

    /// Receives on the interfaces of `host`, which must outlive the loop.
    static Result<std::unique_ptr<FrameLoop>> open(const Namespace& host);

    /// Runs until stop().
    void run(const OnFrame& on_frame);
    void stop() { stop_.raise(); }

    /// Runs `action` at `when`; actions with the same time keep their order.
    void at(Deadline when, Action action);
    /// Sends a frame out of the interface toward that end. Losses are ignored, as on any link.
    void send(Side toward, FrameView frame);
    /// The link toward that end.
    Hop hop(Side toward) const;

  private:
    struct Timed {
        Deadline when;
        std::uint64_t order;
        Action action;
        bool operator>(const Timed& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };

    FrameLoop(const Namespace& host, PacketSocket socket)
        : host_(host), socket_(std::move(socket)), buffer_(65'536 + 256) {}
    void drain(const OnFrame& on_frame);
    void do_what_is_due();

    const Namespace& host_;
    PacketSocket socket_;
    StopSignal stop_;
    std::vector<std::uint8_t> buffer_;
    std::uint64_t order_ = 0;
    std::priority_queue<Timed, std::vector<Timed>, std::greater<>> queue_;
};

}  // namespace flowstamp::lab
