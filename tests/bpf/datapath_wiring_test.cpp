// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Observe-only, proved on the instructions that the kernel runs: in a program loaded without
// permission to act, the verifier has removed every way to change or drop a packet:
// - no helper that writes a packet is called, by the entry or by any function that it calls;
// - the entry stores through no pointer derived from the context, and passes neither such a pointer
//   nor the context to a function of the program: they cannot write the packet either;
// - on every path to its exit, the return value is the constant that passes the packet.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/bpf/kernel_rig.h"
#include "tests/bpf/translated_program.h"

namespace flowstamp::testing {
namespace {

constexpr std::int32_t kXdpDrop = 1, kXdpPass = 2, kTcxDrop = 2, kTcxNext = -1;

/// Kernel functions needed for reading, keeping state and reporting.
const std::set<std::string> kAllowed{
    "bpf_xdp_load_bytes", "bpf_skb_load_bytes",       "bpf_xdp_get_buff_len",
    "bpf_ktime_get_ns",   "bpf_get_smp_processor_id", "bpf_ringbuf_reserve",
    "bpf_ringbuf_submit", "bpf_ringbuf_query",        "bpf_loop",
    "bpf_csum_diff",      "array_map_lookup_elem",    "percpu_array_map_lookup_elem",
    "bpf_map_lookup_elem"};

class DatapathWiring : public ::testing::TestWithParam<fst_hook> {
  protected:
    void SetUp() override {
        for (const bool acting : {false, true}) {
            std::unique_ptr<KernelRig>& rig = acting ? acting_ : watching_;
            rig = make_kernel_rig({.acting = acting});
            if (!rig) {
                GTEST_SKIP() << "needs root";
            }
        }
    }
    std::unique_ptr<KernelRig> watching_, acting_;
};
INSTANTIATE_TEST_SUITE_P(Hooks, DatapathWiring,
                         ::testing::Values(FST_HOOK_XDP, FST_HOOK_TC_INGRESS, FST_HOOK_TC_EGRESS));

std::set<std::string> calls_not_allowed(const TranslatedProgram& program) {
    const std::set<std::string> calls = program.calls();
    std::set<std::string> beyond;
    std::ranges::set_difference(calls, kAllowed, std::inserter(beyond, beyond.begin()));
    return beyond;
}

using Names = std::set<std::string>;
using Codes = std::set<std::int32_t>;

TEST_P(DatapathWiring, ObservingCannotChangeAPacket) {
    const auto program = TranslatedProgram::of(watching_->program_fd(GetParam()));
    EXPECT_EQ(calls_not_allowed(program), Names{});
    const EntryBehaviour entry = behaviour_of_entry(program.instructions());
    EXPECT_FALSE(entry.writes_packet);
    EXPECT_FALSE(entry.context_escapes);
    EXPECT_FALSE(entry.returns_other);
    EXPECT_EQ(entry.returns, Codes{GetParam() == FST_HOOK_XDP ? kXdpPass : kTcxNext});
}

/// The same analysis finds it where it is possible.
TEST_P(DatapathWiring, ActingCan) {
    const auto program = TranslatedProgram::of(acting_->program_fd(GetParam()));
    const EntryBehaviour entry = behaviour_of_entry(program.instructions());
    switch (GetParam()) {
        case FST_HOOK_XDP:
            EXPECT_EQ(calls_not_allowed(program),
                      (Names{"bpf_sk_release", "bpf_xdp_adjust_tail", "bpf_xdp_skc_lookup_tcp",
                             "bpf_xdp_store_bytes"}));
            EXPECT_EQ(entry.returns, (Codes{kXdpDrop, kXdpPass}));
            break;
        case FST_HOOK_TC_INGRESS:
            EXPECT_EQ(calls_not_allowed(program),
                      (Names{"bpf_l3_csum_replace", "bpf_l4_csum_replace", "bpf_skb_change_tail",
                             "bpf_sk_release", "bpf_skb_store_bytes", "bpf_tc_skc_lookup_tcp"}));
            EXPECT_EQ(entry.returns, (Codes{kTcxDrop, kTcxNext}));
            break;
        case FST_HOOK_TC_EGRESS:
            EXPECT_EQ(entry.returns, Codes{kTcxNext}) << "outgoing packets are never dropped";
            break;
    }
}

}  // namespace
}  // namespace flowstamp::testing
