// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Records the frames that arrive at a host.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "user/base/result.h"
#include "user/lab/frame_loop.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

/// A frame that arrived at a host.
struct CapturedFrame {
    Side from = Side::Client;  ///< the end of the path that it came from
    Deadline arrived_at{};
    Frame frame{};
};

/// Records the first 256 bytes of every frame that arrives at a host, until destroyed.
class Capture {
  public:
    /// `host` must outlive it.
    static Result<Capture> start(const Namespace& host);

    Capture(Capture&&) noexcept;
    Capture& operator=(Capture&&) noexcept;
    ~Capture();

    using Predicate = std::function<bool(Side from, const Segment& segment)>;
    /// The TCP segments so far that satisfy `predicate`, once there are `count` of them or
    /// `timeout` has passed.
    std::vector<CapturedFrame> wait_for(const Predicate& predicate, std::size_t count,
                                        std::chrono::milliseconds timeout) const;

  private:
    struct State;
    explicit Capture(std::unique_ptr<State> works);

    std::unique_ptr<State> state_;
};

}  // namespace flowstamp::lab
