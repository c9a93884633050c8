// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/recorded_frames.h"

#include <algorithm>
#include <random>
#include <stdexcept>

#include "tests/support/capture_file.h"
#include "user/net/capture/capture_reader.h"

namespace flowstamp::testing {

RecordedFrames read_frames(const std::string& file) {
    auto source = net::open_file(file);
    if (!source) {
        throw std::runtime_error(source.error().message());
    }
    auto capture = net::CaptureReader::open(std::move(*source), file);
    if (!capture) {
        throw std::runtime_error(capture.error().message());
    }
    RecordedFrames frames;
    for (;;) {
        const auto frame = (*capture)->next();
        if (!frame) {
            throw std::runtime_error(frame.error().message());
        }
        if (!*frame) {
            return frames;
        }
        frames.push_back({.time = (*frame)->wall,
                          .original = (*frame)->original,
                          .bytes = {(*frame)->bytes.begin(), (*frame)->bytes.end()}});
    }
}

RecordedFrames on_other_clock(RecordedFrames frames, std::chrono::nanoseconds ahead, double drift) {
    for (RecordedFrame& frame : frames) {
        const auto since = static_cast<double>((frame.time - frames.front().time).count());
        frame.time += ahead + std::chrono::nanoseconds(static_cast<std::int64_t>(since * drift));
    }
    return frames;
}

RecordedFrames thinned(const RecordedFrames& frames, double lost, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::bernoulli_distribution is_lost(lost);
    RecordedFrames kept;
    std::ranges::copy_if(frames, std::back_inserter(kept),
                         [&](const RecordedFrame&) { return !is_lost(random); });
    return kept;
}

RecordedFrames since(const RecordedFrames& frames, std::chrono::nanoseconds begin) {
    RecordedFrames kept;
    std::ranges::copy_if(frames, std::back_inserter(kept),
                         [&](const RecordedFrame& frame) { return frame.time >= begin; });
    return kept;
}

RecordedFrames unsteady(RecordedFrames frames, std::chrono::nanoseconds most, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<std::int64_t> late(0, most.count());
    for (RecordedFrame& frame : frames) {
        frame.time += std::chrono::nanoseconds(late(random));
    }
    std::ranges::stable_sort(frames, {}, &RecordedFrame::time);
    return frames;
}

Bytes pcap_of(const RecordedFrames& frames) {
    PcapFile pcap({.nanoseconds = true});
    for (const RecordedFrame& frame : frames) {
        pcap.frame(frame.time, frame.bytes, frame.original);
    }
    return pcap.bytes();
}

}  // namespace flowstamp::testing
