// SPDX-License-Identifier: Apache-2.0
//
// The box in the path that forges. It listens on a router's two interfaces while the router's
// kernel goes on forwarding, and sends what its Injection says:
//
//     Result<Injector> injector = Injector::start(
//         lab.router(2), {.trigger = {.on = Trigger::On::AllAcknowledged,
//                                     .after_server_bytes = 100'000},
//                         .forgery = as_stateless_reset()});
//
// It comes late: the whole round trip through the lab's kernels takes some 50 us, less than it takes
// to wake this thread. A forged answer to a SYN arrives after the genuine one, and then means
// nothing. Where the forgery must win such a race, use a Forwarder: it sends the forged segment
// before it lets the trigger go on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "user/base/result.h"
#include "user/lab/frame_loop.h"
#include "user/lab/injection.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

/// A forged segment that was sent.
struct InjectedFrame {
    Side toward = Side::Client;
    Deadline sent_at{};
    Frame frame{};
};

/// What was injected, for another thread to read.
class InjectionLog {
  public:
    void add(InjectedFrame frame);
    /// All so far, once there are `count` of them or `timeout` is over.
    std::vector<InjectedFrame> wait_for(std::size_t count, std::chrono::milliseconds timeout) const;

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<InjectedFrame> frames_;
};

/// Carries out an Injection on the frames of a loop: used by the Injector and by the Forwarder.
class InjectionRunner {
  public:
    InjectionRunner(Injection injection, FrameLoop& loop, InjectionLog& log)
        : engine_(std::move(injection)), loop_(loop), log_(log) {}

    /// Sees a frame that came from `from`'s direction, and sends or schedules what follows from
    /// it. True if the frame must not go on.
    bool see(Side from, FrameView frame);

  private:
    void fire(const InjectionEngine::Shot& shot);

    InjectionEngine engine_;
    FrameLoop& loop_;
    InjectionLog& log_;
};

/// Injects until it goes out of scope.
class Injector {
  public:
    /// `router` must outlive it. Fails where the plan swallows segments: the kernel forwards
    /// here, and cannot be asked not to; use a Forwarder.
    static Result<Injector> start(const Namespace& router, Injection injection);

    /// What it has sent so far, once there are `count` or `timeout` is over.
    std::vector<InjectedFrame> injected(std::size_t count,
                                        std::chrono::milliseconds timeout) const {
        return works_->log.wait_for(count, timeout);
    }

  private:
    /// What the injecting thread uses; the thread goes first.
    struct Works {
        Works(std::unique_ptr<FrameLoop> frame_loop, Injection injection);
        ~Works() { loop->stop(); }

        std::unique_ptr<FrameLoop> loop;
        InjectionLog log;
        InjectionRunner runner;
        std::jthread thread;
    };

    explicit Injector(std::unique_ptr<Works> works) : works_(std::move(works)) {}

    std::unique_ptr<Works> works_;
};

}  // namespace flowstamp::lab
