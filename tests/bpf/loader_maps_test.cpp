// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The readers and the writer of maps, each on its own map, which the test fills.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/bpf/loader_support.h"
#include "user/base/fd.h"
#include "vmlinux/uapi.h"

namespace flowstamp::testing {
namespace {

class LoaderMaps : public RootTest {};

TEST_F(LoaderMaps, CountersAreSummedOverCpus) {
    const Fd map(
        bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "test", 4, sizeof(kernel::Counters), 1, nullptr));
    ASSERT_TRUE(map);
    std::vector<kernel::Counters> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    std::uint64_t sum = 0;
    for (std::size_t cpu = 0; cpu < values.size(); cpu++) {
        sum += values[cpu][FST_COUNT_RST] = 10 + cpu;
    }
    const std::uint32_t key = 0;
    ASSERT_EQ(bpf_map_update_elem(map.get(), &key, values.data(), BPF_ANY), 0);
    const kernel::Counters counters = require(kernel::CounterReader(map.get()).read());
    EXPECT_EQ(counters[FST_COUNT_RST], sum);
    EXPECT_EQ(counters[FST_COUNT_TCP], 0U);
}

class LoaderPolicy : public LoaderMaps {
  protected:
    Fd map_{bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, sizeof(fst_policy), 1, nullptr)};

    fst_policy in_kernel() const {
        fst_policy policy{};
        const std::uint32_t zero = 0;
        EXPECT_EQ(bpf_map_lookup_elem(map_.get(), &zero, &policy), 0);
        return policy;
    }
    static fst_learned_signature signature(std::uint16_t ip_id) {
        return {.ifindex = 2, .ip_id = ip_id, .hops = 3, .tcp_flags = 4};
    }
};

TEST_F(LoaderPolicy, WritesModes) {
    kernel::PolicyWriter writer(map_.get(), true);
    ASSERT_TRUE(writer.set_modes(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL));
    EXPECT_EQ(in_kernel().drop_mode, std::uint32_t{FST_DROP_CONFIRMED});
    EXPECT_EQ(in_kernel().challenge_mode, std::uint32_t{FST_CHALLENGE_ALL});
}

TEST_F(LoaderPolicy, RefusesToActWithProgramsThatOnlyObserve) {
    kernel::PolicyWriter writer(map_.get(), false);
    EXPECT_TRUE(writer.set_modes(FST_DROP_OFF, FST_CHALLENGE_OFF));
    const Status refused = writer.set_modes(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(),
              "write policy: the programs were loaded to observe only; start with --drop or "
              "--challenge");
    EXPECT_EQ(in_kernel().drop_mode, std::uint32_t{FST_DROP_OFF});
}

/// The map holds exactly the list that the learner publishes.
TEST_F(LoaderPolicy, MirrorsTheLearnedSignatures) {
    kernel::PolicyWriter writer(map_.get(), true);
    ASSERT_TRUE(writer.set_modes(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL));
    std::vector<net::LearnedSignature> list = {{.signature = signature(100)}};
    ASSERT_TRUE(writer.set_learned(list));
    ASSERT_TRUE(writer.set_learned(list));
    EXPECT_EQ(in_kernel().learned_count, 1U);
    EXPECT_EQ(in_kernel().learned[0].ip_id, 100);
    for (std::uint16_t i = 1; i < FST_LEARNED_MAX; i++) {
        list.push_back({.signature = signature(100 + i)});
    }
    ASSERT_TRUE(writer.set_learned(list));
    EXPECT_EQ(in_kernel().learned_count, std::uint32_t{FST_LEARNED_MAX});
    EXPECT_EQ(in_kernel().learned[0].ip_id, 100);
    list.erase(list.begin());
    list.push_back({.signature = signature(200)});
    ASSERT_TRUE(writer.set_learned(list));
    EXPECT_EQ(in_kernel().learned_count, std::uint32_t{FST_LEARNED_MAX});
    EXPECT_EQ(in_kernel().learned[0].ip_id, 101);
    EXPECT_EQ(in_kernel().learned[FST_LEARNED_MAX - 1].ip_id, 200);
    EXPECT_EQ(in_kernel().drop_mode, std::uint32_t{FST_DROP_CONFIRMED});
    EXPECT_EQ(in_kernel().challenge_mode, std::uint32_t{FST_CHALLENGE_ALL});
}

TEST_F(LoaderPolicy, ForgetsWhatIsNoLongerInTheList) {
    kernel::PolicyWriter writer(map_.get(), true);
    ASSERT_TRUE(
        writer.set_learned(std::vector<net::LearnedSignature>{{.signature = signature(100)},
                                                              {.signature = signature(101)},
                                                              {.signature = signature(102)}}));
    ASSERT_TRUE(writer.set_learned(std::vector<net::LearnedSignature>{
        {.signature = signature(100)}, {.signature = signature(102)}}));
    EXPECT_EQ(in_kernel().learned_count, 2U);
    EXPECT_EQ(in_kernel().learned[0].ip_id, 100);
    EXPECT_EQ(in_kernel().learned[1].ip_id, 102);
    EXPECT_EQ(in_kernel().learned[2].ip_id, 0) << "nothing is left behind";
}

/// A program that writes `bytes` of its stack, beginning with the given words, to a ring.
class RingWriter {
  public:
    RingWriter(int ring, std::uint64_t first_word, int bytes) {
        const auto low = static_cast<std::int32_t>(first_word);
        const auto high = static_cast<std::int32_t>(first_word >> 32);
        std::vector<bpf_insn> code;
        for (int offset = -8; offset >= -512; offset -= 8) {
            code.push_back(
                {BPF_ST | BPF_MEM | BPF_DW, 10, 0, static_cast<std::int16_t>(offset), 0});
        }
        const auto start = static_cast<std::int16_t>(-bytes);
        code.push_back({BPF_ST | BPF_MEM | BPF_W, 10, 0, start, low});
        code.push_back({BPF_ST | BPF_MEM | BPF_W, 10, 0, std::int16_t(start + 4), high});
        code.push_back({BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, ring});
        code.push_back({0, 0, 0, 0, 0});
        code.push_back({BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0});
        code.push_back({BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, start});
        code.push_back({BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, bytes});
        code.push_back({BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0});
        code.push_back({BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output});
        code.push_back({BPF_JMP | BPF_EXIT, 0, 0, 0, 0});
        program_ = Fd(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "ring_writer", "GPL", code.data(),
                                    code.size(), nullptr));
    }

    bool run() {
        std::array<std::uint8_t, 64> frame{};
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = frame.data();
        options.data_size_in = frame.size();
        return program_ && bpf_prog_test_run_opts(program_.get(), &options) == 0 &&
               options.retval == 0;
    }

  private:
    Fd program_;
};

std::uint64_t header(std::uint8_t version, std::uint8_t kind, std::uint16_t size) {
    const fst_record_header header{.version = version, .kind = kind, .size = size, .cpu = 0};
    std::uint64_t word = 0;
    std::memcpy(&word, &header, sizeof(word));
    return word;
}

TEST_F(LoaderMaps, UnknownRecordsAreCountedAndRejected) {
    const Fd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "test", 0, 0, 65536, nullptr));
    ASSERT_TRUE(ring);
    int accepted = 0;
    kernel::EventReader reader = require(
        kernel::EventReader::open(ring.get(), [&](const fst_event& event, const fst_flow* flow) {
            accepted++;
            EXPECT_EQ(event.header.kind, FST_EVENT_FIN);
            EXPECT_EQ(flow, nullptr);
        }));
    constexpr std::uint16_t kBytes = sizeof(fst_event);
    struct {
        std::uint64_t header;
        int bytes;
    } const records[] = {
        {header(FST_CONTRACT_VERSION, FST_EVENT_FIN, kBytes), kBytes},      // the only valid one
        {header(FST_CONTRACT_VERSION + 1, FST_EVENT_FIN, kBytes), kBytes},  // another version
        {header(FST_CONTRACT_VERSION, FST_EVENT_FIN, kBytes - 8), kBytes},  // its size is wrong
        {header(FST_CONTRACT_VERSION, 0, kBytes), kBytes},                  // no such kind
        {header(FST_CONTRACT_VERSION, FST_EVENT_KINDS, kBytes), kBytes},
        {header(FST_CONTRACT_VERSION, FST_EVENT_RST, kBytes), kBytes},  // should carry a flow
        {header(FST_CONTRACT_VERSION, FST_EVENT_FIN, 8), 8},            // only a header
    };
    for (const auto& record : records) {
        ASSERT_TRUE(RingWriter(ring.get(), record.header, record.bytes).run());
    }
    EXPECT_EQ(require(reader.consume()), std::size(records));
    EXPECT_EQ(accepted, 1);
    EXPECT_EQ(reader.rejected(), std::size(records) - 1);
}

/// A flow table in memory that the test writes to, as the data path would.
class MadeTable {
  public:
    explicit MadeTable(std::uint32_t slots) : file_(::memfd_create("flows", MFD_CLOEXEC)) {
        const std::size_t bytes = (slots * sizeof(fst_flow) + 4095) / 4096 * 4096;
        if (::ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0) {
            throw std::runtime_error("ftruncate");
        }
        table_ = static_cast<fst_flow*>(
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0));
    }
    int fd() const { return file_.get(); }
    fst_flow& slot(std::uint32_t number) { return table_[number]; }

  private:
    Fd file_;
    fst_flow* table_;
};

TEST(LoaderFlowTable, ReadsWholeFlowsUnderAWriter) {
    MadeTable made(4);
    fst_flow& flow = made.slot(2);
    flow.generation = 7;
    flow.tag = 1234;
    const std::jthread writer([&](const std::stop_token& stop) {
        for (std::uint64_t i = 1; !stop.stop_requested(); i++) {
            for (fst_direction& direction : flow.direction) {
                __atomic_fetch_add(&direction.version, 1, __ATOMIC_SEQ_CST);
                __atomic_store_n(&direction.bytes, i, __ATOMIC_RELAXED);
                __atomic_store_n(&direction.last_ns, i, __ATOMIC_RELAXED);
                __atomic_fetch_add(&direction.version, 1, __ATOMIC_SEQ_CST);
            }
        }
    });
    const kernel::FlowTable table = require(kernel::FlowTable::map(made.fd(), 4));
    EXPECT_FALSE(table.read(0));
    int got = 0;
    for (int i = 0; i < 200'000; i++) {
        if (const std::optional<fst_flow> copy = table.read(2)) {
            got++;
            ASSERT_EQ(copy->generation, 7U);
            for (const fst_direction& direction : copy->direction) {
                ASSERT_EQ(direction.bytes, direction.last_ns);
            }
        }
    }
    EXPECT_GT(got, 0);
}

TEST(LoaderFlowTable, FreeAndBusySlotsAreNotReadAsFlows) {
    MadeTable made(4);
    made.slot(1).tag = FST_TAG_BUSY;
    made.slot(3).tag = 99;
    const kernel::FlowTable table = require(kernel::FlowTable::map(made.fd(), 4));
    EXPECT_FALSE(table.read(0));
    EXPECT_FALSE(table.read(1));
    EXPECT_TRUE(table.read(3));
}

TEST(LoaderFlowTable, SlotsBeingWrittenAreNotRead) {
    MadeTable made(4);
    made.slot(0).tag = 99;
    made.slot(0).direction[1].version = 5;
    const kernel::FlowTable table = require(kernel::FlowTable::map(made.fd(), 4));
    EXPECT_FALSE(table.read(0));
    made.slot(0).direction[1].version = 6;
    EXPECT_TRUE(table.read(0));
}

}  // namespace
}  // namespace flowstamp::testing
