// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The frames of a capture, to be changed as a bad capture or another clock would, and read again.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/checksum.h"
#include "user/cmd/compare/read_recording.h"

namespace flowstamp::testing {

struct RecordedFrame {
    std::chrono::nanoseconds time{0};
    std::uint32_t original = 0;  ///< bytes on the wire
    Bytes bytes{};
};
using RecordedFrames = std::vector<RecordedFrame>;

/// The frames of a capture file (Ethernet). Throws std::runtime_error if it cannot be read.
[[nodiscard]] RecordedFrames read_frames(const std::string& file);

/// As another clock shows them: `ahead`, and faster by `drift` seconds a second.
[[nodiscard]] RecordedFrames on_other_clock(RecordedFrames frames, std::chrono::nanoseconds ahead,
                                            double drift);
/// Without a share of them, chosen at random: a capture that loses.
[[nodiscard]] RecordedFrames thinned(const RecordedFrames& frames, double lost, std::uint32_t seed);
/// Those from that time on: a capture that was begun late.
[[nodiscard]] RecordedFrames since(const RecordedFrames& frames, std::chrono::nanoseconds begin);
/// With times that are up to `most` too late each, at random, and in the order of these.
[[nodiscard]] RecordedFrames unsteady(RecordedFrames frames, std::chrono::nanoseconds most,
                                      std::uint32_t seed);

/// As a capture file.
[[nodiscard]] Bytes pcap_of(const RecordedFrames& frames);

/// A capture of that name, read as `compare` does. Throws std::runtime_error if that fails.
inline analysis::compare::Recording recording_of(const Bytes& capture, const std::string& file) {
    auto read = cmd::read_recording(std::make_unique<net::MemorySource>(capture), file,
                                    [](std::optional<double>, std::uint64_t) { return true; });
    if (!read || !read->read) {
        throw std::runtime_error((read ? read->read.error() : read.error()).message());
    }
    return std::move(read->recording);
}

}  // namespace flowstamp::testing
