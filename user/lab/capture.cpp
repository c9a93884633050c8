// SPDX-License-Identifier: Apache-2.0
#include "user/lab/capture.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

namespace flowstamp::lab {

/// What both threads look at.
struct Capture::Works {
    explicit Works(std::unique_ptr<FrameLoop> loop) : loop(std::move(loop)) {}

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
};

Result<Capture> Capture::start(const Namespace& host) {
    Result<std::unique_ptr<FrameLoop>> loop = FrameLoop::open(host);
    if (!loop) {
        return std::unexpected(loop.error());
    }
    return Capture(std::make_unique<Works>(std::move(*loop)));
}

Capture::Capture(std::unique_ptr<Works> works)
    : works_(std::move(works)), thread_([works = works_.get()] {
          works->loop->run([works](Side from, FrameView frame) { works->keep(from, frame); });
      }) {}

Capture::Capture(Capture&&) noexcept = default;

Capture::~Capture() {
    if (works_) {
        works_->loop->stop();
        thread_.join();
    }
}

std::vector<CapturedFrame> Capture::wait_for(const Predicate& predicate, std::size_t count,
                                             std::chrono::milliseconds timeout) const {
    const auto matching = [&] {
        std::vector<CapturedFrame> found;
        for (const CapturedFrame& captured : works_->frames) {
            const auto segment = parse_segment(captured.frame);
            if (segment && predicate(captured.from, *segment)) {
                found.push_back(captured);
            }
        }
        return found;
    };
    std::unique_lock lock(works_->mutex);
    works_->changed.wait_for(lock, timeout, [&] { return matching().size() >= count; });
    return matching();
}

}  // namespace flowstamp::lab
