// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The loaded programs on all CPUs of the machine at once, as a network card with a queue for each brings
// packets. A virtual machine with sixteen runs these, too.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <barrier>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "flowstamp/config.h"
#include "tests/bpf/kernel_rig.h"
#include "tests/support/packet.h"

namespace flowstamp::testing {
namespace {

constexpr std::uint32_t kFlows = 60;  ///< of each CPU

class ManyCpus : public ::testing::Test {
  protected:
    void SetUp() override {
        rig_ = make_kernel_rig({.max_flows = 65536});
        if (!rig_) {
            GTEST_SKIP() << "needs root";
        }
        rig_->set_clock();
    }

    [[nodiscard]] static std::uint32_t cpus() {
        return static_cast<std::uint32_t>(std::max(libbpf_num_possible_cpus(), 1));
    }

    /// Runs `work` with each CPU's number, on all of them at once.
    template <class Work>
    static void on_each_cpu(Work work) {
        std::barrier together(static_cast<std::ptrdiff_t>(cpus()));
        std::vector<std::jthread> threads;
        for (std::uint32_t cpu = 0; cpu < cpus(); cpu++) {
            threads.emplace_back([&, cpu] {
                cpu_set_t set;
                CPU_ZERO(&set);
                CPU_SET(cpu, &set);
                EXPECT_EQ(pthread_setaffinity_np(pthread_self(), sizeof(set), &set), 0);
                together.arrive_and_wait();
                work(cpu);
            });
        }
    }

    void pass(const Bytes& frame) const {
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = frame.data();
        options.data_size_in = static_cast<__u32>(frame.size());
        EXPECT_EQ(bpf_prog_test_run_opts(rig_->program_fd(FST_HOOK_XDP), &options), 0);
        EXPECT_EQ(options.retval, std::uint32_t{XDP_PASS});
    }

    /// The client's packet, or the server's, of the flow `number`.
    static Bytes segment(std::uint32_t number, bool from_client, Tcp tcp, std::uint16_t id) {
        const std::string client = "10.1." + std::to_string(number >> 8U) + "." +
                                   std::to_string(number & 0xffU),
                          server = "198.51.100.7";
        tcp.src_port = from_client ? 40000 : 443;
        tcp.dst_port = from_client ? 443 : 40000;
        return (Ethernet{} /
                Ipv4{.src = from_client ? client : server,
                     .dst = from_client ? server : client,
                     .ttl = static_cast<std::uint8_t>(from_client ? 64 : 52),
                     .id = id} /
                tcp / filler(from_client ? 100 : 200))
            .bytes();
    }

    /// How often each flow stands in the table, by its key's bytes.
    std::map<std::string, std::vector<fst_flow>> table() const {
        std::map<std::string, std::vector<fst_flow>> flows;
        for (std::uint32_t slot = 0; slot < rig_->slots(); slot++) {
            const std::optional<fst_flow> flow = rig_->flow(slot);
            if (flow && flow->tag != 0) {
                flows[std::string(reinterpret_cast<const char*>(&flow->key), sizeof(flow->key))]
                    .push_back(*flow);
            }
        }
        return flows;
    }

    std::unique_ptr<KernelRig> rig_;
};

/// Counters are a CPU's own: none is lost, whoever counts beside it.
TEST_F(ManyCpus, EachPacketIsCounted) {
    on_each_cpu([&](std::uint32_t cpu) {
        for (std::uint32_t i = 0; i < kFlows; i++) {
            pass(segment(cpu * kFlows + i, true, {.seq = 1000, .ack = 5000, .flags = Ack}, 1));
        }
    });
    EXPECT_EQ(rig_->counter(FST_COUNT_TCP), std::uint64_t{cpus()} * kFlows);
    EXPECT_EQ(rig_->counter(FST_COUNT_FLOW_NEW) + rig_->counter(FST_COUNT_FLOW_LOST),
              std::uint64_t{cpus()} * kFlows);
    EXPECT_EQ(table().size(), rig_->counter(FST_COUNT_FLOW_NEW));
}

/// All CPUs begin the same flows at the same time. Two may each take a slot for one (bpf/flow/table.h); what comes
/// later finds the first.
TEST_F(ManyCpus, AFlowIsFoundByAll) {
    on_each_cpu([&](std::uint32_t cpu) {
        for (std::uint32_t i = 0; i < kFlows; i++) {
            pass(segment(i, cpu % 2 == 0, {.seq = 1000, .ack = 1000, .flags = Ack}, 1));
        }
    });
    for (const auto& [key, flows] : table()) {
        EXPECT_LE(flows.size(), cpus());
    }
    EXPECT_EQ(table().size(), kFlows);
    const std::uint64_t begun = rig_->counter(FST_COUNT_FLOW_NEW);
    on_each_cpu([&](std::uint32_t cpu) {
        for (std::uint32_t i = 0; i < kFlows; i++) {
            pass(segment(i, cpu % 2 == 0, {.seq = 1200, .ack = 1200, .flags = Ack}, 2));
        }
    });
    EXPECT_EQ(rig_->counter(FST_COUNT_FLOW_NEW), begun) << "a flow that is known begins again";
}

/// Each CPU sends packets of both ends of one flow. Counts of such may be lost, as a direction is written without
/// a lock; what stands in the slot is some packet's all the same, and no writer is left in it.
TEST_F(ManyCpus, OneFlowOnAllStaysWhole) {
    constexpr std::uint32_t kPackets = 300;
    on_each_cpu([&](std::uint32_t cpu) {
        for (std::uint32_t i = 0; i < kPackets; i++) {
            const bool from_client = (cpu + i) % 2 == 0;
            pass(segment(0, from_client,
                         {.seq = from_client ? 1000 + i * 100 : 5000 + i * 200,
                          .ack = from_client ? 5000 + i * 200 : 1000 + i * 100,
                          .flags = Ack},
                         static_cast<std::uint16_t>(i)));
        }
    });
    EXPECT_EQ(rig_->counter(FST_COUNT_TCP), std::uint64_t{cpus()} * kPackets);
    for (const auto& [key, flows] : table()) {
        // Two CPUs may have begun it in two slots: the second one keeps its first packet.
        const fst_flow& flow = *std::ranges::max_element(flows, {}, [](const fst_flow& its) {
            return its.direction[0].packets + its.direction[1].packets;
        });
        for (const fst_direction& direction : flow.direction) {
            const bool is_client = direction.ttl[0] == 64;
            EXPECT_EQ(direction.version % 2, 0);
            EXPECT_GT(direction.packets, 0U);
            EXPECT_LE(direction.packets, cpus() * kPackets);
            EXPECT_LE(direction.seq_edge,
                      is_client ? 1000 + kPackets * 100 : 5000 + kPackets * 200);
            for (const fst_stamp& stamp : direction.ring) {
                if (stamp.ttl == 0 && stamp.time_us == 0) {
                    continue;  // not used: what came too early for what was seen is refused
                }
                EXPECT_EQ(stamp.ttl, is_client ? 64 : 52);
                EXPECT_EQ(stamp.tcp_flags, Ack);
                EXPECT_LT(stamp.ip_id, kPackets);
            }
        }
    }
}

/// One ring takes the events of all: each is in it, whole, or counted as lost.
TEST_F(ManyCpus, EachEventIsReadOrCounted) {
    on_each_cpu([&](std::uint32_t cpu) {
        for (std::uint32_t i = 0; i < kFlows; i++) {
            pass(segment(cpu * kFlows + i, true, {.seq = 1000, .flags = Rst}, 7));
        }
    });
    const std::uint64_t resets = std::uint64_t{cpus()} * kFlows;
    EXPECT_EQ(rig_->counter(FST_COUNT_RST) + rig_->counter(FST_COUNT_FLOW_LOST), resets);
    const std::uint64_t reported = rig_->counter(FST_COUNT_EVENT);
    const Outcome outcome =
        rig_->run(FST_HOOK_XDP, {.bytes = segment(60'000, true, {.seq = 1, .flags = Rst}, 7)});
    EXPECT_EQ(outcome.events.size(), reported + 1);
    for (const SeenEvent& seen : outcome.events) {
        EXPECT_EQ(seen.event.packet.ip_id, 7);
        EXPECT_EQ(seen.event.packet.tcp_flags, Rst);
    }
}

}  // namespace
}  // namespace flowstamp::testing
