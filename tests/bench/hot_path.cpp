// SPDX-License-Identifier: Apache-2.0
// The XDP program's cost on one established IPv4 flow with timestamps, with acting compiled in and
// `--drop confirmed --challenge all` in force, above an empty program and one clock read: each the
// least of nine interleaved runs (BPF_PROG_TEST_RUN).
#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <memory>
#include <string>

#include "floor.skel.h"
#include "flowstamp/policy.h"
#include "probe.skel.h"
#include "tests/support/packet.h"
#include "user/kernel/test_run.h"

namespace {

using namespace flowstamp;
using namespace flowstamp::testing;

constexpr int kRounds = 9;
constexpr std::uint32_t kRepeat = 1'000'000;
constexpr std::uint32_t kBuckets = 16384;
constexpr long kBarNs = 45;

template <class T, void (*Destroy)(T*)>
struct Destroyer {
    void operator()(T* skeleton) const { Destroy(skeleton); }
};

[[noreturn]] void fail(std::string_view what) {
    fmt::print(stderr, "bench: {}\n", what);
    std::exit(1);
}

using Bytes = std::vector<std::uint8_t>;

Bytes client(std::uint32_t seq, std::uint32_t ack, TcpFlags flags) {
    return (Ethernet{} / Ipv4{.src = "192.0.2.1", .dst = "198.51.100.7", .id = 0x1234} /
            Tcp{.src_port = 40000,
                .dst_port = 443,
                .seq = seq,
                .ack = ack,
                .flags = flags,
                .options = nop_nop_timestamps(1000, 2000)})
        .bytes();
}

Bytes server(std::uint32_t seq, std::uint32_t ack, TcpFlags flags) {
    return (Ethernet{} / Ipv4{.src = "198.51.100.7", .dst = "192.0.2.1", .ttl = 52} /
            Tcp{.src_port = 443,
                .dst_port = 40000,
                .seq = seq,
                .ack = ack,
                .flags = flags,
                .options = nop_nop_timestamps(2000, 1000)})
        .bytes();
}

long run(int program, const Bytes& packet, std::uint32_t repeat) {
    const TestRun runner({.xdp_ingress = program});
    const auto result = runner.run(Program::xdp_ingress, {.bytes = packet}, repeat);
    if (!result) {
        fail(result.error().message());
    }
    return static_cast<long>(result->duration.count());
}

std::string word_of(const char* path) {
    std::string word = "?";
    std::ifstream(path) >> word;
    return word;
}

}  // namespace

int main() {
    std::unique_ptr<probe_bpf, Destroyer<probe_bpf, probe_bpf__destroy>> probe(probe_bpf__open());
    std::unique_ptr<floor_bpf, Destroyer<floor_bpf, floor_bpf__destroy>> floor(
        floor_bpf__open_and_load());
    if (!probe || !floor) {
        fail("cannot load programs: run as root");
    }
    probe->rodata->hash_seed[0] = 0x5bd1e995a3c59ac3;
    probe->rodata->hash_seed[1] = 0xc2b2ae3d27d4eb4f;
    probe->rodata->bucket_mask = kBuckets - 1;
    probe->rodata->acting = 1;
    bpf_map__set_max_entries(probe->maps.flows, kBuckets);
    if (probe_bpf__load(probe.get()) != 0) {
        fail("cannot load the probe: run as root");
    }
    fs_policy policy{};
    policy.drop_mode = FS_DROP_CONFIRMED;
    policy.challenge_mode = FS_CHALLENGE_ALL;
    const __u32 zero = 0;
    bpf_map_update_elem(bpf_map__fd(probe->maps.policies), &zero, &policy, BPF_ANY);

    const int program = bpf_program__fd(probe->progs.flowstamp_xdp_ingress);
    run(program, client(1000, 0, Syn), 1);
    run(program, server(5000, 1001, Syn | Ack), 1);
    const Bytes packet = client(1001, 5001, Ack);
    run(program, packet, 100);

    long empty = std::numeric_limits<long>::max(), clock = empty, ours = empty;
    for (int round = 0; round < kRounds; round++) {
        empty = std::min(empty, run(bpf_program__fd(floor->progs.floor_empty), packet, kRepeat));
        clock = std::min(clock, run(bpf_program__fd(floor->progs.floor_clock), packet, kRepeat));
        ours = std::min(ours, run(program, packet, kRepeat));
    }
    fmt::print("clocksource {}, bpf_jit_harden {}\n",
               word_of("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
               word_of("/proc/sys/net/core/bpf_jit_harden"));
    fmt::print("{:<44} {:>4} ns\n", "an empty XDP program", empty);
    fmt::print("{:<44} {:>4} ns\n", "one that reads the clock", clock);
    fmt::print("{:<44} {:>4} ns\n", "flowstamp_xdp_ingress, hot, IPv4 timestamps", ours);
    fmt::print("{:<44} {:>4} ns  (bar {} ns: {})\n", "above an empty one and a clock read",
               ours - clock, kBarNs, ours - clock <= kBarNs ? "pass" : "fail");
    return 0;
}
