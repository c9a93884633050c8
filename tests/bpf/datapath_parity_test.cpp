// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The same packets give the same events, byte for byte, whether the data path runs on the host, at
// XDP or at tc ingress.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>

#include "tests/bpf/kernel_rig.h"
#include "tests/datapath/forwarding_rig.h"
#include "tests/datapath/fuzz.h"
#include "tests/datapath/host_rig.h"

namespace flowstamp::testing {
namespace {

struct Recorded {
    bool from_peer;
    Bytes bytes;
    std::uint64_t time_ns;
};

/// Runs on its own rig, and records the frames.
class Recorder final : public ForwardingRig {
  public:
    using ForwardingRig::ForwardingRig;

    Outcome run(fst_hook hook, const Frame& frame) override {
        stream_.push_back(
            {hook != FST_HOOK_TC_EGRESS, {frame.bytes.begin(), frame.bytes.end()}, now_ns()});
        return ForwardingRig::run(hook, frame);
    }
    [[nodiscard]] const std::vector<Recorded>& stream() const { return stream_; }

  private:
    std::vector<Recorded> stream_;
};

struct Plan {
    RigOptions options;
    fst_policy policy{};
    bool corrupt;  ///< corrupt bytes and checksums: tc's checksum state then differs
};

/// Several thousand packets of flows that begin, exchange data, are reset, challenged, and begin
/// again.
std::vector<Recorded> compose(const Plan& plan, std::uint32_t seed) {
    Recorder recorder(plan.options);
    recorder.set_policy(plan.policy);
    Fuzz fuzz(seed);
    std::uint16_t port = 20'000;
    std::deque<Conversation> talks;
    for (int i = 0; i < 120; i++) {
        const bool v6 = fuzz.below(4) == 0;
        const std::uint64_t rtt_us = fuzz.pick<std::uint64_t>({300, 20'000, 90'000});
        talks.emplace_back(recorder, FST_HOOK_XDP,
                           Setting{.v6 = v6, .rtt_us = rtt_us, .port = ++port});
        talks.back().open().exchange(static_cast<int>(fuzz.below(6)));
        for (int j = 0; j < 25; j++) {
            Conversation& talk = talks[fuzz.below(static_cast<std::uint32_t>(talks.size()))];
            recorder.advance_us(fuzz.pick<std::uint32_t>({10, 1000, 20'000, 150'000}));
            Segment segment = fuzz.packet(talk);
            if (!plan.corrupt) {
                segment.checksum = Checksum::Correct;
            }
            Bytes frame = talk.encode(segment);
            if (plan.corrupt && fuzz.below(4) == 0) {
                fuzz.corrupt(frame);
            }
            recorder.run(talk.hook(segment.from), {.bytes = frame});
        }
        if (talks.size() > 8) {
            talks.pop_front();
        }
    }
    return recorder.stream();
}

/// Clears what depends on the hook: which one it was, and the CPU.
SeenEvent comparable(SeenEvent seen) {
    seen.event.header.cpu = 0;
    seen.event.packet.hook = 0;
    return seen;
}

class DatapathParity : public ::testing::TestWithParam<fst_hook> {
  protected:
    void SetUp() override {
        if (make_kernel_rig({}) == nullptr) {
            GTEST_SKIP() << "needs root";
        }
    }

    static void expect_alike(const Outcome& host, const Outcome& kernel) {
        ASSERT_EQ(kernel.dropped, host.dropped);
        ASSERT_EQ(kernel.bytes, host.bytes);
        ASSERT_EQ(kernel.events.size(), host.events.size());
        for (std::size_t i = 0; i < host.events.size(); i++) {
            const SeenEvent a = comparable(host.events[i]), b = comparable(kernel.events[i]);
            ASSERT_EQ(int{b.event.header.kind}, int{a.event.header.kind});
            ASSERT_EQ(std::memcmp(&a.event, &b.event, sizeof(a.event)), 0)
                << "kind " << int{a.event.header.kind};
            ASSERT_EQ(b.flow.has_value(), a.flow.has_value());
            if (a.flow) {
                ASSERT_EQ(std::memcmp(&*a.flow, &*b.flow, sizeof(fst_flow)), 0);
            }
        }
    }

    void expect_parity(const Plan& plan, std::uint32_t seed) {
        const std::vector<Recorded> stream = compose(plan, seed);
        const auto host = make_host_rig(plan.options);
        const auto kernel = make_kernel_rig(plan.options);
        host->set_policy(plan.policy);
        kernel->set_policy(plan.policy);
        std::size_t events = 0;
        for (std::size_t i = 0; i < stream.size(); i++) {
            SCOPED_TRACE(::testing::Message() << "seed " << seed << ", packet " << i);
            const Recorded& packet = stream[i];
            const fst_hook hook = packet.from_peer ? GetParam() : FST_HOOK_TC_EGRESS;
            host->advance_us((packet.time_ns - host->now_ns()) / 1000);
            kernel->advance_us((packet.time_ns - kernel->now_ns()) / 1000);
            const Outcome a = host->run(hook, {.bytes = packet.bytes});
            expect_alike(a, kernel->run(hook, {.bytes = packet.bytes}));
            if (HasFatalFailure()) {
                return;
            }
            events += a.events.size();
        }
        EXPECT_GT(stream.size(), 3000U);
        EXPECT_GT(events, 1000U);
        for (int counter = 0; counter < FST_COUNT_MAX; counter++) {
            EXPECT_EQ(kernel->counter(static_cast<fst_counter>(counter)),
                      host->counter(static_cast<fst_counter>(counter)))
                << "counter " << counter;
        }
        for (std::uint32_t slot = 0; slot < host->slots(); slot++) {
            const auto a = host->flow(slot), b = kernel->flow(slot);
            ASSERT_EQ(b.has_value(), a.has_value());
            ASSERT_TRUE(!a || std::memcmp(&*a, &*b, sizeof(fst_flow)) == 0) << "slot " << slot;
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Hooks, DatapathParity,
                         ::testing::Values(FST_HOOK_XDP, FST_HOOK_TC_INGRESS, FST_HOOK_TC_EGRESS));

TEST_P(DatapathParity, Observing) {
    for (const std::uint32_t seed : {1U, 2U, 3U}) {
        expect_parity({.options = {.max_flows = 64}, .corrupt = true}, seed);
    }
}

TEST_P(DatapathParity, Acting) {
    Plan plan{.options = {.acting = true, .max_flows = 1024}, .corrupt = false};
    plan.policy.drop_mode = FST_DROP_CONFIRMED;
    plan.policy.challenge_mode = FST_CHALLENGE_ALL;
    for (const std::uint32_t seed : {4U, 5U, 6U}) {
        expect_parity(plan, seed);
    }
}

}  // namespace
}  // namespace flowstamp::testing
