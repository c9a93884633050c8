// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a packet costs, counted in the machine code that the kernel runs: a change that makes one dearer
// fails here. Whoever makes one cheaper lowers its ceiling, which is a twentieth above what was counted: the
// kernel's compiler makes a little more or less of it on another processor. The clock is a capture's: live,
// each packet calls bpf_ktime_get_ns() once more.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "flowstamp/config.h"
#include "flowstamp/flow.h"
#include "tests/bpf/emulated_program.h"
#include "tests/bpf/kernel_rig.h"
#include "tests/datapath/conversation.h"

namespace flowstamp::testing {
namespace {

struct Kind {
    const char* name;
    fst_hook hook;
    bool v6 = false;
    bool timestamps = true;
    bool midway = false;         ///< the connection was open before the program
    bool silent = false;         ///< its side sent nothing for two seconds before it
    bool stamping = false;       ///< its stamp is exported
    std::uint64_t instructions;  ///< of the machine, at most
    std::size_t lines;           ///< written, of maps
};

class PacketCosts : public ::testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        rig_ =
            make_kernel_rig({.acting = true, .stamping = GetParam().stamping, .max_flows = 1024});
        if (!rig_) {
            GTEST_SKIP() << "needs root";
        }
    }

    Conversation talk() {
        Setting setting{.v6 = GetParam().v6};
        setting.peer.timestamps = setting.us.timestamps = GetParam().timestamps;
        return Conversation(
            *rig_, GetParam().hook == FST_HOOK_XDP ? FST_HOOK_XDP : FST_HOOK_TC_INGRESS, setting);
    }
    /// Past the first packets, of which more is learned, and all in one second.
    Conversation established() {
        Conversation open = talk();
        if (!GetParam().midway) {
            open.open();
        }
        open.exchange(40);
        for (int i = 0; i < 4; i++) {
            open.pass_us(1000);
            open.send(End::peer, Psh | Ack, 1000);
            open.send(End::us, Ack);
        }
        return open;
    }
    /// The next packet of this side that is not one of those that sample the round trip.
    Segment usual(Conversation& open, End from, std::size_t payload) {
        const auto packets = [&] { return open.direction(from).packets; };
        while ((packets() & 15U) == 0 || (packets() & 63U) == 0) {
            open.pass_us(1000);
            open.send(from, Ack, payload);
        }
        if (payload == 0) {
            open.send(other(from), Psh | Ack, 1000);
        }
        open.pass_us(1000);
        return open.next(from, Ack, payload);
    }
    Segment segment(Conversation& open) {
        const std::string kind = GetParam().name;
        const End from = GetParam().hook == FST_HOOK_TC_EGRESS ? End::us : End::peer;
        if (kind == "data") {
            Segment data = usual(open, from, 1000);
            if (GetParam().silent) {
                open.pass_ms(2000);
                data = open.next(from, Ack, 1000);
            }
            return data;
        }
        if (kind == "ack") {
            return usual(open, from, 0);
        }
        Segment segment = open.next(from, kind == "syn" ? Syn : Rst | Ack);
        if (kind == "forged") {
            segment.ttl = static_cast<std::uint8_t>(segment.ttl + 4);
            segment.timestamps.reset();
        }
        return segment;
    }

    std::unique_ptr<KernelRig> rig_;
};

TEST_P(PacketCosts, AreWithinTheirCeilings) {
    Conversation open = std::string(GetParam().name) == "syn" ? talk() : established();
    const Segment sent = segment(open);
    const Bytes frame = open.encode(sent);
    EmulatedProgram program(rig_->program_fd(GetParam().hook));
    rig_->set_clock();
    const PacketCost cost = program.run(GetParam().hook, {.bytes = frame});
    std::cout << cost << "\n";
    if (std::getenv("FLOWSTAMP_COST_LINES") != nullptr) {  // where a packet's instructions are
        for (const auto& [line, instructions] : cost.lines)
            std::cout << instructions << "\t" << line << "\n";
    }
    EXPECT_LE(cost.instructions, GetParam().instructions);
    EXPECT_LE(cost.lines_written, GetParam().lines);
    if (sent.flags == (Psh | Ack) || sent.flags == Ack) {
        EXPECT_EQ(cost.atomics, 0U);
        EXPECT_TRUE(cost.kernel_calls.empty());
    }

    // What the emulator made of it is what the kernel makes of it.
    rig_->run(GetParam().hook, {.bytes = frame});
    const auto slot = rig_->find([](const fst_flow&) { return true; });
    ASSERT_TRUE(slot);
    const Bytes element = program.element("flows", *slot);
    fst_flow emulated{};
    ASSERT_EQ(element.size(), sizeof(emulated));
    std::memcpy(&emulated, element.data(), sizeof(emulated));
    const fst_flow flow = rig_->flow(*slot).value();
    EXPECT_EQ(std::memcmp(&emulated, &flow, sizeof(flow)), 0);
}

/// A flow may stand at another slot than its first: its packets go the short way from there, too.
TEST(PacketCost, OfAFlowAtAnotherSlotIsNotTheLongWays) {
    constexpr std::uint64_t kAtFirstSlot = 450, kAtLastSlot = 1200;  // instructions
    const auto rig = make_kernel_rig({.acting = true, .max_flows = 16});
    if (!rig) {
        GTEST_SKIP() << "needs root";
    }
    std::vector<Conversation> conversations;
    for (int i = 0; i < 14; i++) {
        conversations.emplace_back(*rig, FST_HOOK_XDP).open().exchange(40);
    }
    EmulatedProgram program(rig->program_fd(FST_HOOK_XDP));
    int elsewhere = 0;
    for (Conversation& open : conversations) {
        open.exchange(2);  // it may have rested meanwhile
        const auto packets = [&] { return open.direction(End::peer).packets; };
        while ((packets() & 15U) == 0 || (packets() & 63U) == 0) {
            open.pass_us(1000);
            open.send(End::peer, Ack, 1000);
        }
        open.pass_us(1000);
        const Bytes frame = open.encode(open.next(End::peer, Ack, 1000));
        rig->set_clock();
        const PacketCost cost = program.run(FST_HOOK_XDP, {.bytes = frame});
        std::cout << cost << "\n";
        elsewhere += cost.instructions > kAtFirstSlot ? 1 : 0;
        EXPECT_LE(cost.instructions, kAtLastSlot);
        EXPECT_LE(cost.lines_written, 5U);
        EXPECT_EQ(cost.atomics, 0U);
        EXPECT_TRUE(cost.kernel_calls.empty());
    }
    EXPECT_GT(elsewhere, 1);
}

/// Of a download as it comes: data, of which we acknowledge most segments; one in 32 comes behind the one after it.
class TrafficCosts : public ::testing::Test {
  protected:
    struct Mean {
        double instructions = 0;
        int packets = 0;
    };
    void pass(Conversation& talk, EmulatedProgram& program, const Segment& segment, Mean& mean) {
        const Bytes frame = talk.encode(segment);
        talk.pass_us(100);
        rig_->set_clock();
        const auto cost = program.run(talk.hook(segment.from), {.bytes = frame});
        mean.instructions =
            (mean.instructions * mean.packets + static_cast<double>(cost.instructions)) /
            (mean.packets + 1);
        mean.packets++;
        talk.send(segment);
    }

    std::unique_ptr<KernelRig> rig_ = make_kernel_rig({.acting = true, .max_flows = 1024});
};

TEST_F(TrafficCosts, OfADownload) {
    if (!rig_) {
        GTEST_SKIP() << "needs root";
    }
    Conversation talk(*rig_, FST_HOOK_XDP);
    talk.open().exchange(40);
    EmulatedProgram ingress(rig_->program_fd(FST_HOOK_XDP)),
        egress(rig_->program_fd(FST_HOOK_TC_EGRESS));
    Mean in, out;
    const auto data = [&] { return talk.next(End::peer, Ack, 1000); };
    const auto acknowledge = [&] { pass(talk, egress, talk.next(End::us, Ack), out); };
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 30; i++) {
            pass(talk, ingress, data(), in);
            acknowledge();
        }
        const Segment late = data();
        Segment early = late;
        early.seq += 1000;
        early.id++;
        Segment asks = talk.next(End::us, Ack);
        pass(talk, ingress, early, in);
        pass(talk, egress, asks, out);
        pass(talk, ingress, late, in);
        acknowledge();
    }
    std::cout << in.instructions << " instructions a data segment, " << out.instructions
              << " an ACK\n";
    EXPECT_LE(in.instructions, 486);
    EXPECT_LE(out.instructions, 486);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PacketCosts,
    ::testing::Values(
        Kind{.name = "data", .hook = FST_HOOK_XDP, .instructions = 420, .lines = 3},
        Kind{.name = "data",
             .hook = FST_HOOK_XDP,
             .timestamps = false,
             .instructions = 358,
             .lines = 3},
        Kind{.name = "data", .hook = FST_HOOK_XDP, .v6 = true, .instructions = 514, .lines = 3},
        Kind{.name = "data", .hook = FST_HOOK_XDP, .midway = true, .instructions = 420, .lines = 3},
        Kind{.name = "data", .hook = FST_HOOK_XDP, .silent = true, .instructions = 422, .lines = 4},
        Kind{.name = "data",
             .hook = FST_HOOK_XDP,
             .stamping = true,
             .instructions = 586,
             .lines = 6},
        Kind{.name = "data",
             .hook = FST_HOOK_XDP,
             .v6 = true,
             .stamping = true,
             .instructions = 749,
             .lines = 6},
        Kind{.name = "ack", .hook = FST_HOOK_XDP, .instructions = 436, .lines = 3},
        Kind{.name = "data", .hook = FST_HOOK_TC_INGRESS, .instructions = 445, .lines = 3},
        Kind{.name = "data", .hook = FST_HOOK_TC_EGRESS, .instructions = 436, .lines = 3},
        Kind{.name = "ack", .hook = FST_HOOK_TC_EGRESS, .instructions = 450, .lines = 3},
        Kind{.name = "syn", .hook = FST_HOOK_XDP, .instructions = 2795, .lines = 20},
        Kind{.name = "rst", .hook = FST_HOOK_XDP, .instructions = 3800, .lines = 18},
        Kind{.name = "forged", .hook = FST_HOOK_XDP, .instructions = 3500, .lines = 18}),
    [](const auto& info) {
        const Kind& kind = info.param;
        return std::string(kind.name) + (kind.v6 ? "_v6" : "") + (kind.timestamps ? "" : "_plain") +
               (kind.midway ? "_midway" : "") + (kind.silent ? "_silent" : "") +
               (kind.stamping ? "_stamping" : "") +
               (kind.hook == FST_HOOK_XDP          ? "_xdp"
                : kind.hook == FST_HOOK_TC_INGRESS ? "_tc_ingress"
                                                   : "_tc_egress");
    });

}  // namespace
}  // namespace flowstamp::testing
