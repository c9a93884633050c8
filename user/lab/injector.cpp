// SPDX-License-Identifier: Apache-2.0
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

bool InjectionRunner::see(Side from, FrameView frame) {
    const InjectionEngine::Decision decision = engine_.observe(from, frame);
    const Deadline now = SteadyClock::now();
    for (const InjectionEngine::Shot& shot : decision.shots) {
        if (shot.after.count() == 0) {
            fire(shot);
        } else {
            loop_.at(now + shot.after, [this, shot] { fire(shot); });
        }
    }
    return decision.swallow;
}

void InjectionRunner::fire(const InjectionEngine::Shot& shot) {
    const auto frame = engine_.forge(shot, loop_.hop(shot.toward));
    if (frame) {
        loop_.send(shot.toward, *frame);
        log_.add({shot.toward, SteadyClock::now(), *frame});
    }
}

Result<Injector> Injector::start(const Namespace& router, Injection injection) {
    if (injection.swallow != Swallow::Nothing) {
        return fail({.operation = "start injector",
                     .object = router.role(),
                     .reason = "only a forwarder can swallow segments",
                     .hint = {}});
    }
    Result<std::unique_ptr<FrameLoop>> loop = FrameLoop::open(router);
    if (!loop) {
        return std::unexpected(loop.error());
    }
    return Injector(std::move(*loop), std::move(injection));
}

Injector::Injector(std::unique_ptr<FrameLoop> loop, Injection injection)
    : loop_(std::move(loop)),
      log_(std::make_unique<InjectionLog>()),
      runner_(std::make_unique<InjectionRunner>(std::move(injection), *loop_, *log_)),
      thread_([loop = loop_.get(), runner = runner_.get()] {
          loop->run([runner](Side from, FrameView frame) { runner->see(from, frame); });
      }) {}

Injector::~Injector() {
    if (loop_) {
        loop_->stop();
        thread_.join();
    }
}

}  // namespace flowstamp::lab
