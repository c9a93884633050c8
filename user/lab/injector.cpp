// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/injector.h"

#include <cerrno>
#include <utility>

namespace flowstamp::lab {

void InjectionLog::add(InjectedFrame frame) {
    {
        const std::lock_guard lock(mutex_);
        frames_.push_back(std::move(frame));
    }
    changed_.notify_all();
}

std::vector<InjectedFrame> InjectionLog::wait_for(std::size_t count,
                                                  std::chrono::milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return frames_.size() >= count; });
    return frames_;
}

bool InjectionRunner::observe(Side from, FrameView frame) {
    const InjectionEngine::Decision decision = engine_.observe(from, frame);
    const Deadline now = SteadyClock::now();
    for (const InjectionEngine::ScheduledForgery& scheduled : decision.forgeries) {
        if (scheduled.after.count() == 0) {
            fire(scheduled);
        } else {
            loop_.at(now + scheduled.after, [this, scheduled] { fire(scheduled); });
        }
    }
    return decision.swallow;
}

void InjectionRunner::fire(const InjectionEngine::ScheduledForgery& scheduled) {
    const auto frame = engine_.forge(scheduled, loop_.hop(scheduled.toward));
    if (frame) {
        loop_.send(scheduled.toward, *frame);
        log_.add({scheduled.toward, SteadyClock::now(), *frame});
    }
}

Result<Injector> Injector::start(const Namespace& router, Injection injection) {
    if (injection.swallow != Swallow::Nothing) {
        return fail({.operation = "start injector",
                     .object = router.role(),
                     .reason = "only a forwarder can drop segments",
                     .hint = {}});
    }
    Result<std::unique_ptr<FrameLoop>> loop = FrameLoop::open(router);
    if (!loop) {
        return std::unexpected(loop.error());
    }
    return Injector(std::make_unique<State>(std::move(*loop), std::move(injection)));
}

Injector::State::State(std::unique_ptr<FrameLoop> frame_loop, Injection injection)
    : loop(std::move(frame_loop)), runner(std::move(injection), *loop, log), thread([this] {
          loop->run([this](Side from, FrameView frame) { runner.observe(from, frame); });
      }) {}

}  // namespace flowstamp::lab
