// SPDX-License-Identifier: Apache-2.0
//
// What passes a host, kept for a later look.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "user/base/result.h"
#include "user/lab/frame_loop.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

/// A frame that came to a host.
struct CapturedFrame {
    Side from = Side::Client;  ///< the end of the path from whose direction it came
    Deadline arrived_at{};
    Frame frame{};
};

/// Keeps the first 256 bytes of every frame that comes to a host, until it goes out of scope.
class Capture {
  public:
    /// `host` must outlive it.
    static Result<Capture> start(const Namespace& host);

    Capture(Capture&&) noexcept;
    Capture& operator=(Capture&&) noexcept;
    ~Capture();

    using Predicate = std::function<bool(Side from, const Segment& segment)>;
    /// The TCP segments so far for which `predicate` holds, once there are `count` of them or
    /// `timeout` is over.
    std::vector<CapturedFrame> wait_for(const Predicate& predicate, std::size_t count,
                                        std::chrono::milliseconds timeout) const;

  private:
    struct Works;
    explicit Capture(std::unique_ptr<Works> works);

    std::unique_ptr<Works> works_;
};

}  // namespace flowstamp::lab
