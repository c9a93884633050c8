// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/program_costs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "baselines.skel.h"
#include "probe.skel.h"
#include "tests/bench/frames.h"
#include "tests/bench/program_runs.h"

namespace flowstamp::bench {
namespace {

using packet::Ack;
using packet::Rst;
using packet::Syn;

constexpr std::uint32_t kRepeat = 500'000;

int descriptor(const bpf_program* program) {
    return bpf_program__fd(program);
}

/// An established flow of the frames' ends.
void establish(int program) {
    const auto pass = [&](const Bytes& frame) { (void)run(Hook::xdp, program, frame, 1); };
    pass(from_client({.seq = 1000, .ack = 0, .flags = Syn}));
    pass(from_server({.seq = 5000, .ack = 1001, .flags = Syn | Ack, .ttl = 52}));
    pass(from_client({}));
    pass(from_server({.seq = 5001, .ack = 1001, .ttl = 52}));
}

std::string name_of(Mode mode) {
    return mode == Mode::act ? "acting" : "observing";
}

/// One packet again and again, above an empty program and one clock read.
void measure_hot(Results& results, Mode mode) {
    const Baselines baselines = load_baselines(1);
    const LoadedProbe probe = load_probe(1, mode);
    const int ours = descriptor(probe->progs.flowstamp_xdp_ingress);
    const int clock = descriptor(baselines->progs.baseline_clock);
    establish(ours);
    const Bytes frame = from_client({});
    Least of_ours, of_clock;
    for (int round = 0; round < kRounds; round++) {
        of_clock.take(run(Hook::xdp, clock, frame, kRepeat));
        of_ours.take(run(Hook::xdp, ours, frame, kRepeat));
    }
    results.tell({.section = "XDP ingress, one flow, IPv4 with timestamps: above one clock read",
                  .name = name_of(mode),
                  .value = of_ours.value - of_clock.value,
                  .unit = "ns",
                  .bar = at_most(45)});
}

/// What `--stamps` adds, its reader being as fast as need be.
void measure_stamps(Results& results) {
    const LoadedProbe plain = load_probe(1, Mode::act);
    const LoadedProbe stamping = load_probe(1, Mode::act, true);
    const int without = descriptor(plain->progs.flowstamp_xdp_ingress);
    const int with = descriptor(stamping->progs.flowstamp_xdp_ingress);
    establish(without);
    establish(with);
    const Bytes frame = from_client({});
    Least of_without, of_with;
    for (int round = 0; round < kRounds; round++) {
        of_without.take(run(Hook::xdp, without, frame, kRepeat));
        of_with.take(run(Hook::xdp, with, frame, kRepeat));
        drain(bpf_map__fd(stamping->maps.stamps));
    }
    results.tell({.section = "XDP ingress, one flow, IPv4 with timestamps: above one clock read",
                  .name = "--stamps adds",
                  .value = of_with.value - of_without.value,
                  .unit = "ns",
                  .bar = at_most(15)});
}

/// The real program beside the two designs that it must beat, each less an empty program, all behind
/// the same mutator.
void measure_flows(Results& results, std::uint32_t flows, double bar) {
    const Baselines baselines = load_baselines(flows);
    const LoadedProbe probe = load_probe(flows, Mode::act);
    const Mutated mutated(baselines, Hook::xdp, flows);
    const Bytes frame = from_client({});
    const int programs[] = {
        descriptor(baselines->progs.baseline_empty), descriptor(probe->progs.flowstamp_xdp_ingress),
        descriptor(baselines->progs.baseline_lru), descriptor(baselines->progs.baseline_ring)};
    for (const int program : programs) {
        mutated.visit_all(program, frame);
    }
    Least least[4];
    for (int round = 0; round < kRounds; round++) {
        for (std::size_t i = 0; i < std::size(programs); i++) {
            least[i].take(mutated.run(programs[i], frame, kRepeat));
        }
    }
    const double ours = least[1].value - least[0].value, lru = least[2].value - least[0].value;
    const std::string section =
        fmt::format("XDP ingress, {} flow{} drawn, acting: above an empty program", flows,
                    flows == 1 ? "" : "s");
    results.tell({section, "flowstamp_xdp_ingress", ours, "ns"});
    results.tell({section, "LRU hash and a ring record per packet", lru, "ns"});
    results.tell(
        {section, "a ring record per packet, no state", least[3].value - least[0].value, "ns"});
    results.tell({.section = section,
                  .name = "ours to the LRU hash",
                  .value = ours / lru,
                  .unit = "",
                  .bar = bar > 0 ? std::optional(at_most(bar)) : std::nullopt});
}

struct Scenario {
    const char* name;
    Hook hook;
    Bytes frame;
    std::uint32_t flows = 0;  ///< 0: the frame as it is, else drawn of so many
};

std::vector<Scenario> scenarios() {
    constexpr std::uint32_t kForgedTtl = 60;
    return {
        {"established, timestamps", Hook::xdp, from_client({})},
        {"established, no options", Hook::xdp, from_client({.options = Options::none})},
        {"established, unusual options", Hook::xdp, from_client({.options = Options::unusual})},
        {"IPv6, timestamps", Hook::xdp, from_client_v6({})},
        {"IPv6, no options", Hook::xdp, from_client_v6({.options = Options::none})},
        {"IPv6 behind an extension header", Hook::xdp, from_client_v6_extended({})},
        {"SYN, again and again", Hook::xdp,
         from_client({.seq = 1000, .ack = 0, .flags = Syn, .options = Options::none})},
        {"miss: SYNs of 16 M flows", Hook::xdp,
         from_client({.seq = 1000, .ack = 0, .flags = Syn, .options = Options::none}), 16'000'000},
        {"diverse: data of 16 M flows", Hook::xdp, from_client({}), 16'000'000},
        {"RST of the server's own distance", Hook::xdp,
         from_server({.seq = 5001, .ack = 0, .flags = Rst, .options = Options::none, .ttl = 52})},
        {"RST from elsewhere", Hook::xdp,
         from_server({.seq = 5001,
                      .ack = 1001,
                      .flags = Rst | Ack,
                      .options = Options::none,
                      .ttl = kForgedTtl})},
        {"tc egress: established, timestamps", Hook::tc, from_client({})},
        {"tc egress: IPv6, timestamps", Hook::tc, from_client_v6({})},
    };
}

/// No bars: what they cost, that it be known.
void measure_scenario(Results& results, const Scenario& scenario) {
    const Baselines baselines = load_baselines(1);
    const LoadedProbe probe = load_probe(1, Mode::act);
    establish(descriptor(probe->progs.flowstamp_xdp_ingress));
    const bool xdp = scenario.hook == Hook::xdp;
    const auto& theirs = baselines->progs;
    const int empty = descriptor(xdp ? theirs.baseline_empty : theirs.baseline_empty_tc);
    const int ours =
        descriptor(xdp ? probe->progs.flowstamp_xdp_ingress : probe->progs.flowstamp_tc_egress);
    const Mutated mutated(baselines, scenario.hook, scenario.flows);
    const auto once = [&](int program) {
        return scenario.flows == 0 ? run(scenario.hook, program, scenario.frame, kRepeat)
                                   : mutated.run(program, scenario.frame, kRepeat);
    };
    Least of_empty, of_ours;
    for (int round = 0; round < kRounds; round++) {
        of_empty.take(once(empty));
        of_ours.take(once(ours));
    }
    results.tell({"Other packets, acting: above an empty program", scenario.name,
                  of_ours.value - of_empty.value, "ns"});
}

/// Both CPUs at once, each with a frame of its own.
double on_two_cpus(int program, const Bytes& first, const Bytes& second) {
    std::atomic<int> ready = 0;
    double ns[2]{};
    const auto on = [&](int cpu, const Bytes& frame) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
        ready++;
        while (ready < 2) {
        }
        ns[cpu] = run(Hook::xdp, program, frame, kRepeat);
    };
    std::thread other(on, 1, second);
    std::thread one(on, 0, first);
    one.join();
    other.join();
    return std::max(ns[0], ns[1]);
}

}  // namespace

void measure_programs(Results& results) {
    measure_hot(results, Mode::observe);
    measure_hot(results, Mode::act);
    measure_stamps(results);
    constexpr double kHot = 0.65, kMany = 0.85;
    measure_flows(results, 1, kHot);
    measure_flows(results, 1000, kHot);
    measure_flows(results, 10'000, 0);
    measure_flows(results, 100'000, 0);
    measure_flows(results, 1'000'000, kMany);
    for (const Scenario& scenario : scenarios()) {
        measure_scenario(results, scenario);
    }
}

void measure_two_cpus(Results& results) {
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        return;
    }
    const Baselines baselines = load_baselines(1);
    const LoadedProbe probe = load_probe(1, Mode::act);
    const int ours = descriptor(probe->progs.flowstamp_xdp_ingress);
    const int empty = descriptor(baselines->progs.baseline_empty);
    establish(ours);
    const Bytes client = from_client({}),
                server = from_server({.seq = 5001, .ack = 1001, .ttl = 52});
    const Bytes elsewhere = from_client_v6({});
    Least of_empty, alone, same, distinct;
    for (int round = 0; round < kRounds; round++) {
        of_empty.take(on_two_cpus(empty, client, server));
        alone.take(run(Hook::xdp, ours, client, kRepeat));
        same.take(on_two_cpus(ours, client, server));
        distinct.take(on_two_cpus(ours, client, elsewhere));
    }
    const std::string section = "XDP ingress, two CPUs at once, acting: above an empty program";
    results.tell({section, "one CPU alone", alone.value - of_empty.value, "ns"});
    results.tell({section, "each a direction of one flow", same.value - of_empty.value, "ns"});
    results.tell({section, "each a flow of its own", distinct.value - of_empty.value, "ns"});
}

}  // namespace flowstamp::bench
