// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A middlebox in the path that forges segments. It listens on a router's two interfaces while the
// router's kernel goes on forwarding, and sends what its Injection says:
//
//     Result<Injector> injector = Injector::start(
//         lab.router(2), {.trigger = {.on = Trigger::On::AllAcknowledged,
//                                     .after_server_bytes = 100'000},
//                         .forgery = as_stateless_reset()});
//
// It is slow: the whole round trip through the lab's kernels takes some 50 us, less than it takes
// to wake this thread. A forged answer to a SYN arrives after the genuine one, and has no effect.
// If the forgery must win such a race, use a Forwarder: it sends the forged segment before it
// forwards the trigger.
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

/// The segments injected so far, readable from another thread.
class InjectionLog {
  public:
    void add(InjectedFrame frame);
    /// All so far, once there are `count` of them or `timeout` has passed.
    std::vector<InjectedFrame> wait_for(std::size_t count, std::chrono::milliseconds timeout) const;

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<InjectedFrame> frames_;
};

/// Carries out an Injection on the frames of a loop, for the Injector and the Forwarder.
class InjectionRunner {
  public:
    InjectionRunner(Injection injection, FrameLoop& loop, InjectionLog& log)
        : engine_(std::move(injection)), loop_(loop), log_(log) {}

    /// Handles a frame that came from `from`'s direction, and sends or schedules the forgeries it
    /// triggers. True if the frame must not be forwarded.
    bool observe(Side from, FrameView frame);

  private:
    void fire(const InjectionEngine::ScheduledForgery& scheduled);

    InjectionEngine engine_;
    FrameLoop& loop_;
    InjectionLog& log_;
};

/// Injects until destroyed.
class Injector {
  public:
    /// `router` must outlive it. Fails if the plan drops segments: here the kernel forwards, and
    /// cannot be prevented from it; use a Forwarder.
    static Result<Injector> start(const Namespace& router, Injection injection);

    /// The segments sent so far, once there are `count` or `timeout` has passed.
    std::vector<InjectedFrame> injected(std::size_t count,
                                        std::chrono::milliseconds timeout) const {
        return state_->log.wait_for(count, timeout);
    }

  private:
    /// The injecting thread's state; the thread is destroyed first.
    struct State {
        State(std::unique_ptr<FrameLoop> frame_loop, Injection injection);
        ~State() { loop->stop(); }

        std::unique_ptr<FrameLoop> loop;
        InjectionLog log;
        InjectionRunner runner;
        std::jthread thread;
    };

    explicit Injector(std::unique_ptr<State> works) : state_(std::move(works)) {}

    std::unique_ptr<State> state_;
};

}  // namespace flowstamp::lab
