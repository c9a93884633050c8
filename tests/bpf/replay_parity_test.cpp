// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Both backends report the same for one capture, byte for byte.
#include <gtest/gtest.h>

#include <deque>

#include "tests/bpf/kernel_rig.h"
#include "tests/datapath/capture_rig.h"
#include "tests/datapath/conversation.h"
#include "tests/datapath/fuzz.h"
#include "tests/support/replayed.h"
#include "user/cmd/replay/kernel_datapath.h"

namespace flowstamp::testing {
namespace {

/// Several hundred concurrent connections that begin, exchange data, are reset and begin again.
Bytes compose(std::uint32_t seed, const PcapFile::Options& options) {
    CaptureRig rig(options);
    Fuzz fuzz(seed);
    std::uint16_t port = 20'000;
    std::deque<Conversation> talks;
    for (int i = 0; i < 150; i++) {
        talks.emplace_back(rig, FST_HOOK_XDP, Setting{.v6 = fuzz.below(4) == 0, .port = ++port});
        talks.back().open().exchange(static_cast<int>(fuzz.below(6)));
        for (int j = 0; j < 20; j++) {
            Conversation& talk = talks[fuzz.below(static_cast<std::uint32_t>(talks.size()))];
            rig.advance_us(fuzz.pick<std::uint32_t>({10, 1000, 20'000, 1'500'000}));
            const Segment segment = fuzz.packet(talk);
            rig.run(talk.hook(segment.from), {.bytes = talk.encode(segment)});
        }
        if (talks.size() > 8) {
            talks.pop_front();
        }
    }
    return rig.file();
}

Replayed replayed(const Bytes& file, Result<std::unique_ptr<cmd::ReplayPath>> path) {
    if (!path) {
        ADD_FAILURE() << path.error().message();
        return {};
    }
    return replay(std::make_unique<net::MemorySource>(file), **path);
}

TEST(ReplayParity, BothBackendsReportTheSame) {
    if (make_kernel_rig({}) == nullptr) {
        GTEST_SKIP() << "needs root";
    }
    constexpr std::uint32_t kFlows = 1024;
    for (const std::uint32_t seed : {1U, 2U, 3U}) {
        const Bytes file = compose(seed, {.nanoseconds = seed == 2});
        const Replayed host = replayed(file, cmd::make_host_path(kFlows));
        const Replayed kernel = replayed(file, cmd::make_kernel_path(kFlows));
        EXPECT_TRUE(host.read && kernel.read);
        EXPECT_GT(host.of("reset").size(), 50U);
        EXPECT_GT(host.of("finding").size(), 5U);
        EXPECT_GT(host.of("flow").size(), 100U);
        EXPECT_EQ(host.text(), kernel.text()) << "seed " << seed;
    }
}

TEST(ReplayParity, FramesOfEveryLengthAreHandledAlike) {
    if (make_kernel_rig({}) == nullptr) {
        GTEST_SKIP() << "needs root";
    }
    PcapFile file;
    const Bytes whole =
        (Ethernet{} / Ipv4{} / Tcp{.flags = Syn, .options = linux_syn_options(1)} / filler(300))
            .bytes();
    for (std::size_t length = 0; length <= whole.size(); length++) {
        file.frame(std::chrono::seconds(1 + length), std::span(whole).first(length),
                   static_cast<std::uint32_t>(whole.size()));
    }
    EXPECT_EQ(replayed(file.bytes(), cmd::make_host_path(1024)).text(),
              replayed(file.bytes(), cmd::make_kernel_path(1024)).text());
}

}  // namespace
}  // namespace flowstamp::testing
