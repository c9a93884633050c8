// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Every packet's stamp, from the programs to the reader: full and partial batches, on this CPU and
// another, and stamps lost to a full ring.
#include <netinet/in.h>
#include <sched.h>

#include <optional>
#include <vector>

#include "tests/bpf/loader_support.h"
#include "tests/support/packet.h"
#include "user/output/stamps/stamp_order.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kRingBytes = 1U << 20;

class Stamps : public RootTest {
  protected:
    void SetUp() override {
        RootTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        probe_.emplace(load({.max_flows = 1024, .stamps_bytes = kRingBytes}));
        ASSERT_EQ(::sched_getaffinity(0, sizeof(before_), &before_), 0);
        stay_on(0);
    }
    void TearDown() override { ::sched_setaffinity(0, sizeof(before_), &before_); }

    /// Pins the thread to the `nth` CPU that this test may use. False: there is none.
    bool stay_on(int nth) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &before_) && nth-- == 0) {
                cpu_set_t one;
                CPU_ZERO(&one);
                CPU_SET(cpu, &one);
                return ::sched_setaffinity(0, sizeof(one), &one) == 0;
            }
        }
        return false;
    }

    kernel::StampReader reader() {
        return require(probe_->maps().stamps([this](std::span<const fst_packet_stamp> batch) {
            seen_.insert(seen_.end(), batch.begin(), batch.end());
        }));
    }

    static Bytes segment(std::uint32_t seq) {
        return (Ethernet{} / Ipv4{.ttl = 61, .id = 7} /
                Tcp{.seq = seq, .ack = 9, .flags = Ack, .window = 500} / Payload(Bytes(100)))
            .bytes();
    }
    void send(std::uint32_t count, kernel::Program program = kernel::Program::xdp_ingress) {
        for (std::uint32_t i = 0; i < count; i++) {
            require(probe_->test_run().run(program, {.bytes = segment(next_seq_++)}));
        }
    }
    std::uint64_t counted(fst_counter counter) {
        return require(probe_->maps().counters().read())[counter];
    }
    /// Consecutive, none missing.
    void expect_in_order(std::uint32_t count) {
        ASSERT_EQ(seen_.size(), count);
        for (std::uint32_t i = 0; i < count; i++) {
            ASSERT_EQ(seen_[i].seq, i);
        }
    }

    cpu_set_t before_{};
    std::optional<kernel::LoadedProbe> probe_;
    std::vector<fst_packet_stamp> seen_;
    std::uint32_t next_seq_ = 0;
};

TEST_F(Stamps, ContainThePacketsFields) {
    kernel::StampReader reader = this->reader();
    const Bytes frame =
        (Ethernet{} /
         Ipv6{.src = "2001:db8::9", .dst = "2001:db8::1", .hop_limit = 52, .traffic_class = 3} /
         Tcp{.src_port = 443,
             .dst_port = 40000,
             .seq = 0xfffffff0,
             .ack = 77,
             .flags = Psh | Ack,
             .window = 1234,
             .options = nop_nop_timestamps(1, 2)} /
         Payload(Bytes(300)))
            .bytes();
    for (const kernel::Program program :
         {kernel::Program::xdp_ingress, kernel::Program::tc_egress}) {
        require(probe_->test_run().run(program, {.bytes = frame}));
    }
    ASSERT_TRUE(reader.finish());
    ASSERT_EQ(seen_.size(), 2U);
    EXPECT_EQ(fst_stamp_hook(&seen_[0]), FST_HOOK_XDP);
    EXPECT_EQ(fst_stamp_hook(&seen_[1]), FST_HOOK_TC_EGRESS);
    EXPECT_LT(seen_[0].time_ns, seen_[1].time_ns);
    for (const fst_packet_stamp& stamp : seen_) {
        const unsigned sender = stamp.flags & FST_STAMP_SENDER;
        EXPECT_EQ(stamp.port[sender], __builtin_bswap16(443));
        EXPECT_EQ(stamp.port[sender ^ 1U], __builtin_bswap16(40000));
        EXPECT_EQ(stamp.address[sender][3], __builtin_bswap32(9));
        EXPECT_EQ(stamp.ifindex, 1U);
        EXPECT_EQ(stamp.protocol, IPPROTO_TCP);
        EXPECT_EQ(stamp.flags & ~(FST_STAMP_SENDER | FST_STAMP_HOOK), FST_STAMP_IPV6);
        EXPECT_EQ(stamp.seq, 0xfffffff0);
        EXPECT_EQ(stamp.ack, 77U);
        EXPECT_EQ(stamp.window, 1234);
        EXPECT_EQ(stamp.ttl, 52);
        EXPECT_EQ(stamp.traffic_class, 3);
        EXPECT_EQ(stamp.tcp_flags, FST_TCP_PSH | FST_TCP_ACK);
        EXPECT_EQ(stamp.segments, 1);
        EXPECT_EQ(stamp.payload, 300U);
        EXPECT_EQ(stamp.header_words * 4, 40 + 32);
    }
}

/// Most of them go the short way, which writes a stamp from the frame.
TEST_F(Stamps, OfAConversationContainItsFields) {
    constexpr std::uint64_t kRounds = 40;
    kernel::StampReader reader = this->reader();
    struct Layout {
        bool v6, timestamps;
    };
    for (const Layout layout : {Layout{false, true}, Layout{false, false}, Layout{true, true}}) {
        seen_.clear();
        std::uint32_t next[2] = {1000, 5000};  // of the client, of the server
        std::uint32_t sent = 0;
        const auto send = [&](unsigned from, TcpFlags flags, std::size_t payload) {
            const std::uint32_t seq = next[from];
            next[from] += static_cast<std::uint32_t>(payload) + ((flags & Syn) != 0 ? 1 : 0);
            const Tcp tcp{.src_port = static_cast<std::uint16_t>(from == 0 ? 40000 : 443),
                          .dst_port = static_cast<std::uint16_t>(from == 0 ? 443 : 40000),
                          .seq = seq,
                          .ack = (flags & Ack) != 0 ? next[from ^ 1U] : 0,
                          .flags = flags,
                          .window = 600,
                          .options = layout.timestamps ? nop_nop_timestamps(1000 + sent, 1000)
                                                       : std::vector<TcpOption>{}};
            const std::string host[2] = {layout.v6 ? "2001:db8::1" : "10.0.0.1",
                                         layout.v6 ? "2001:db8::9" : "10.0.0.9"};
            const Bytes frame = layout.v6 ? (Ethernet{} /
                                             Ipv6{.src = host[from],
                                                  .dst = host[from ^ 1U],
                                                  .hop_limit = 52,
                                                  .traffic_class = 0x2e} /
                                             tcp / Payload(Bytes(payload)))
                                                .bytes()
                                          : (Ethernet{} /
                                             Ipv4{.src = host[from],
                                                  .dst = host[from ^ 1U],
                                                  .ttl = 52,
                                                  .id = static_cast<std::uint16_t>(sent),
                                                  .tos = 0x2e} /
                                             tcp / Payload(Bytes(payload)))
                                                .bytes();
            require(probe_->test_run().run(kernel::Program::xdp_ingress, {.bytes = frame}));
            sent++;
            ASSERT_TRUE(reader.collect());
            reader.read();
            ASSERT_EQ(seen_.size(), sent);
            const fst_packet_stamp& stamp = seen_.back();
            const unsigned sender = stamp.flags & FST_STAMP_SENDER;
            EXPECT_EQ(stamp.port[sender], __builtin_bswap16(tcp.src_port));
            EXPECT_EQ(stamp.port[sender ^ 1U], __builtin_bswap16(tcp.dst_port));
            EXPECT_EQ(stamp.address[sender][3],
                      __builtin_bswap32((layout.v6 ? 0U : 0x0a000000U) + (from == 0 ? 1 : 9)));
            EXPECT_EQ(stamp.address[sender][0], layout.v6 ? __builtin_bswap32(0x20010db8) : 0U);
            EXPECT_EQ(stamp.ifindex, 1U);
            EXPECT_EQ(stamp.protocol, IPPROTO_TCP);
            EXPECT_EQ(stamp.flags & ~(FST_STAMP_SENDER | FST_STAMP_HOOK),
                      layout.v6 ? FST_STAMP_IPV6 : FST_STAMP_DF);
            EXPECT_EQ(fst_stamp_hook(&stamp), FST_HOOK_XDP);
            EXPECT_EQ(stamp.seq, seq);
            EXPECT_EQ(stamp.ack, tcp.ack);
            EXPECT_EQ(stamp.ip_id, layout.v6 ? 0U : sent - 1);
            EXPECT_EQ(stamp.window, 600);
            EXPECT_EQ(stamp.ttl, 52);
            EXPECT_EQ(stamp.traffic_class, 0x2e);
            EXPECT_EQ(stamp.tcp_flags, flags);
            EXPECT_EQ(stamp.segments, 1);
            EXPECT_EQ(stamp.payload, payload);
            EXPECT_EQ(stamp.header_words * 4,
                      (layout.v6 ? 40 : 20) + 20 + encode(tcp.options).size());
        };
        send(0, Syn, 0);
        send(1, Syn | Ack, 0);
        send(0, Ack, 0);
        for (std::uint64_t i = 0; i < kRounds; i++) {
            send(1, Psh | Ack, 1000);
            send(0, Ack, 0);
        }
    }
    EXPECT_EQ(counted(FST_COUNT_STAMP), 3 * (3 + 2 * kRounds)) << "each packet once";
}

TEST_F(Stamps, AreSubmittedInBatches) {
    kernel::StampReader reader = this->reader();
    send(FST_BATCH_STAMPS - 1);
    EXPECT_EQ(reader.read(), 0U);
    send(1);
    EXPECT_EQ(reader.read(), 1U);
    expect_in_order(FST_BATCH_STAMPS);
    EXPECT_EQ(counted(FST_COUNT_STAMP), FST_BATCH_STAMPS);
}

TEST_F(Stamps, OfAPartlyFilledBatchAreCollected) {
    kernel::StampReader reader = this->reader();
    send(40);
    ASSERT_TRUE(reader.collect());
    EXPECT_EQ(reader.read(), 2U);
    expect_in_order(40);
    ASSERT_TRUE(reader.collect());
    EXPECT_EQ(reader.read(), 0U) << "once";
}

TEST_F(Stamps, AreCollectedFromAnotherCpu) {
    kernel::StampReader reader = this->reader();
    send(5, kernel::Program::tc_egress);
    if (!stay_on(1)) {
        GTEST_SKIP() << "needs a second CPU";
    }
    ASSERT_TRUE(reader.collect());
    EXPECT_EQ(reader.read(), 1U);
    expect_in_order(5);
}

TEST_F(Stamps, OfSeveralCpusArePutInOrder) {
    output::StampOrder order;
    kernel::StampReader reader = require(
        probe_->maps().stamps([&](std::span<const fst_packet_stamp> batch) { order.add(batch); }));
    for (unsigned round = 0; round < 50; round++) {
        if (!stay_on(static_cast<int>(round % 2))) {
            GTEST_SKIP() << "needs a second CPU";
        }
        send(1 + round * 7 % 40);
    }
    ASSERT_TRUE(reader.collect());
    reader.read();
    for (auto run = order.next(Nanoseconds::max()); !run.empty();
         run = order.next(Nanoseconds::max())) {
        seen_.insert(seen_.end(), run.begin(), run.end());
        reader.release(order.done());
    }
    expect_in_order(next_seq_);
}

TEST_F(Stamps, StillBufferedByACpuAreReadAtTheEnd) {
    kernel::StampReader reader = this->reader();
    send(100);
    ASSERT_TRUE(reader.finish());
    expect_in_order(100);
    EXPECT_EQ(reader.rejected(), 0U);
}

TEST_F(Stamps, AreWrittenWhenTheTableIsFull) {
    kernel::StampReader reader = this->reader();
    constexpr std::uint32_t kFlows = 3000;
    for (std::uint32_t i = 0; i < kFlows; i++) {
        const auto port = static_cast<std::uint16_t>(1024 + i);
        const kernel::TestRun run = probe_->test_run();
        require(run.run(
            kernel::Program::xdp_ingress,
            {.bytes =
                 (Ethernet{} / Ipv4{} / Tcp{.src_port = port, .seq = i, .flags = Ack}).bytes()}));
    }
    ASSERT_TRUE(reader.finish());
    expect_in_order(kFlows);
}

TEST_F(Stamps, LostToAFullRingAreCounted) {
    constexpr std::uint32_t kPackets = 20'000;
    static_assert(kPackets * sizeof(fst_packet_stamp) > kRingBytes);
    const kernel::TestRunResult last = require(
        probe_->test_run().run(kernel::Program::xdp_ingress, {.bytes = segment(0)}, kPackets));
    EXPECT_EQ(last.bytes, segment(0));
    const std::uint64_t kept = counted(FST_COUNT_STAMP), lost = counted(FST_COUNT_STAMP_LOST);
    EXPECT_EQ(kept + lost, kPackets);
    EXPECT_GT(kept, kRingBytes / sizeof(fst_packet_stamp) * 9 / 10);
    kernel::StampReader reader = this->reader();
    ASSERT_TRUE(reader.finish());
    EXPECT_EQ(seen_.size(), kept);
    send(FST_BATCH_STAMPS);
    EXPECT_EQ(reader.read(), 0U) << "what was read is still in use";
    reader.release(1);
    send(FST_BATCH_STAMPS);
    EXPECT_EQ(reader.read(), 1U) << "there is room again";
    EXPECT_EQ(seen_.size(), kept + FST_BATCH_STAMPS);
}

TEST_F(Stamps, StayInTheRingUntilTheyAreReleased) {
    std::vector<std::span<const fst_packet_stamp>> batches;
    kernel::StampReader reader = require(probe_->maps().stamps(
        [&](std::span<const fst_packet_stamp> batch) { batches.push_back(batch); }));
    constexpr std::size_t kBatches = std::size_t{3} * kRingBytes / sizeof(fst_stamp_batch);
    std::uint32_t seq = 0;
    for (std::size_t i = 0; i < kBatches; i++) {  // three times round
        send(FST_BATCH_STAMPS);
        ASSERT_EQ(reader.read(), 1U);
        constexpr std::size_t kHeld = 100;
        if (batches.size() < kHeld) {
            continue;
        }
        for (const fst_packet_stamp& stamp : batches.front()) {
            ASSERT_EQ(stamp.seq, seq++);
        }
        batches.erase(batches.begin());
        reader.release(1);
    }
    EXPECT_EQ(counted(FST_COUNT_STAMP_LOST), 0U);
}

TEST_F(Stamps, WakeTheReaderWhenTheRingIsAQuarterFull) {
    kernel::StampReader reader = this->reader();
    send(FST_BATCH_STAMPS);
    EXPECT_FALSE(require(reader.wait(0ns))) << "there is a batch, but no hurry";
    constexpr std::uint32_t kQuarter = kRingBytes / 4 / sizeof(fst_packet_stamp);
    require(probe_->test_run().run(kernel::Program::xdp_ingress, {.bytes = segment(0)}, kQuarter));
    EXPECT_TRUE(require(reader.wait(20s)));
    EXPECT_FALSE(require(reader.wait(0ns))) << "once";
}

TEST_F(Stamps, AreNotWrittenByDefault) {
    kernel::LoadedProbe probe = load({.max_flows = 1024});
    for (int i = 0; i < 100; i++) {
        require(probe.test_run().run(kernel::Program::xdp_ingress, {.bytes = segment(0)}));
    }
    const kernel::Counters counters = require(probe.maps().counters().read());
    EXPECT_EQ(counters[FST_COUNT_TCP], 100U);
    EXPECT_EQ(counters[FST_COUNT_STAMP] + counters[FST_COUNT_STAMP_LOST], 0U);
}

}  // namespace
}  // namespace flowstamp::testing
