// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/capture.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace flowstamp::lab {

/// The capturing thread's state; the thread is destroyed first.
struct Capture::State {
    explicit State(std::unique_ptr<FrameLoop> frame_loop)
        : loop(std::move(frame_loop)),
          thread([this] { loop->run([this](Side from, FrameView frame) { keep(from, frame); }); }) {
    }
    ~State() { loop->stop(); }

    void keep(Side from, FrameView frame) {
        constexpr std::size_t kept_bytes = 256;
        const FrameView kept = frame.first(std::min(frame.size(), kept_bytes));
        {
            const std::lock_guard lock(mutex);
            frames.push_back({from, SteadyClock::now(), Frame(kept.begin(), kept.end())});
        }
        changed.notify_all();
    }

    std::unique_ptr<FrameLoop> loop;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<CapturedFrame> frames;
    std::jthread thread;
};

Result<Capture> Capture::start(const Namespace& host) {
    Result<std::unique_ptr<FrameLoop>> loop = FrameLoop::open(host);
    if (!loop) {
        return std::unexpected(loop.error());
    }
    return Capture(std::make_unique<State>(std::move(*loop)));
}

Capture::Capture(std::unique_ptr<State> works) : state_(std::move(works)) {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

std::vector<CapturedFrame> Capture::wait_for(const Predicate& predicate, std::size_t count,
                                             std::chrono::milliseconds timeout) const {
    std::vector<CapturedFrame> found;
    std::size_t checked = 0;
    const auto enough = [&] {
        for (; checked < state_->frames.size(); ++checked) {
            const CapturedFrame& captured = state_->frames[checked];
            const auto segment = parse_segment(captured.frame);
            if (segment && predicate(captured.from, *segment)) {
                found.push_back(captured);
            }
        }
        return found.size() >= count;
    };
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, timeout, enough);
    return found;
}

}  // namespace flowstamp::lab
