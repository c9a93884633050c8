// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Sends segments of many flows out of an interface, as fast as one core can: live frames of the XDP
// test run, so that at the other end of a veth pair they pass through the real driver path.
// Usage, as root: flowstamp_bench_send INTERFACE syn|syn-ack|ack|data|reset COUNT FLOWS [FIRST]
// Prints the elapsed seconds.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>

#include "baselines.skel.h"
#include "tests/bench/frames.h"
#include "tests/bench/results.h"

namespace {

using namespace flowstamp::bench;
using packet::Ack;
using packet::Rst;
using packet::Syn;

struct Kind {
    Bytes frame;
    std::uint32_t client_seq = 0;  ///< of the frame, used as its ack if it goes to the client
    bool to_client = false;
};

std::map<std::string, Kind> kinds() {
    constexpr std::uint8_t kServerTtl = 52, kInjectorTtl = 60;
    return {
        {"syn", {from_client({.seq = 1000, .ack = 0, .flags = Syn}), 1000}},
        {"syn-ack",
         {from_server({.seq = 5000, .ack = 1001, .flags = Syn | Ack, .ttl = kServerTtl}), 1001,
          true}},
        {"ack", {from_client({}), 1001}},
        {"data", {from_server({.seq = 5001, .ack = 1001, .ttl = kServerTtl}), 1001, true}},
        {"reset",
         {from_server({.seq = 5001,
                       .ack = 1001,
                       .flags = Rst | Ack,
                       .options = Options::none,
                       .ttl = kInjectorTtl}),
          1001, true}},
    };
}

std::uint32_t number(const char* word) {
    char* end = nullptr;
    const unsigned long value = std::strtoul(word, &end, 10);
    if (*end != '\0' || end == word) {
        die(std::string("not a number: ") + word);
    }
    return static_cast<std::uint32_t>(value);
}

}  // namespace

int main(int count, char** words) {
    const std::map<std::string, Kind> known = kinds();
    if (count < 5 || count > 6 || !known.contains(words[2])) {
        die("usage: INTERFACE syn|syn-ack|ack|data|reset COUNT FLOWS [FIRST]");
    }
    const Kind& kind = known.at(words[2]);
    const unsigned interface = if_nametoindex(words[1]);
    if (interface == 0) {
        die(std::string("no interface ") + words[1]);
    }
    const Baselines baselines = load_baselines(1);
    set_payload(*baselines, kind.frame);
    baselines->bss->to_client = kind.to_client ? 1 : 0;
    baselines->bss->client_seq = kind.client_seq;
    baselines->bss->flow_count = number(words[4]);
    baselines->bss->first_flow = count == 6 ? number(words[5]) : 0;
    baselines->bss->in_order = 1;
    xdp_md context{};
    context.data_end = static_cast<__u32>(kind.frame.size());
    context.ingress_ifindex = interface;
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = kind.frame.data();
    options.data_size_in = static_cast<__u32>(kind.frame.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = static_cast<int>(number(words[3]));
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    const auto begin = std::chrono::steady_clock::now();
    const int error =
        bpf_prog_test_run_opts(bpf_program__fd(baselines->progs.mutator_send), &options);
    if (error != 0) {
        die(fmt::format("live frames: error {}", error));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    fmt::print("{:.6f}\n", took.count());
}
