// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence of a capture's findings, and what a replay of it says.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flowstamp/config.h"
#include "tests/support/replayed.h"
#include "user/cmd/replay/packet_evidence.h"
#include "user/net/anonymize/address_anonymizer.h"
#include "user/output/evidence/evidence_recorder.h"

namespace flowstamp::testing {

/// A replay that wrote evidence.
struct Recorded {
    Replayed replayed{};
    std::vector<std::string> notices{};
    std::uint64_t left_out = 0;
    Status finished{};
};

/// Replays a capture to its end, with its findings' evidence to `folder`.
inline Recorded record_evidence(std::unique_ptr<net::ByteSource> source, const std::string& folder,
                                const output::EvidenceLimits& limits = {},
                                std::uint32_t snap_bytes = 0,
                                const std::optional<net::AddressAnonymizer>& anonymizer = {}) {
    Recorded recorded;
    auto opened = output::EvidenceFolder::open(folder, limits);
    const auto path = cmd::make_host_path(FST_FLOWS_DEFAULT);
    if (!opened || !path) {
        ADD_FAILURE() << (opened ? path.error() : opened.error()).message();
        return recorded;
    }
    output::EvidenceRecorder recorder(
        std::move(*opened), false,
        [&recorded](std::string_view line) { recorded.notices.emplace_back(line); }, anonymizer);
    recorder.consume(output::CaptureStart{"folder/trace.pcap"});
    cmd::PacketEvidence packets(recorder, snap_bytes);
    recorded.replayed =
        replay(std::move(source), **path, std::nullopt, {.also = &recorder, .packets = &packets});
    recorded.finished = recorder.finish();
    recorded.left_out = recorder.left_out();
    return recorded;
}

inline Replayed replay_evidence(const std::string& file) {
    auto source = net::open_file(file);
    const auto path = cmd::make_host_path(FST_FLOWS_DEFAULT);
    if (!source || !path) {
        ADD_FAILURE() << (source ? path.error() : source.error()).message();
        return {};
    }
    return replay(std::move(*source), **path);
}

/// A frame's lengths.
struct SeenFrame {
    std::size_t captured = 0;
    std::uint32_t original = 0;
};

inline std::vector<SeenFrame> frames_of(const std::string& file) {
    std::vector<SeenFrame> frames;
    auto source = net::open_file(file);
    auto capture = source ? net::CaptureReader::open(std::move(*source), file)
                          : std::unexpected(source.error());
    while (capture) {
        const auto frame = (*capture)->next();
        EXPECT_TRUE(frame) << frame.error().message();
        if (!frame || !*frame) {
            break;
        }
        frames.push_back({(*frame)->bytes.size(), (*frame)->original});
    }
    return frames;
}

}  // namespace flowstamp::testing
