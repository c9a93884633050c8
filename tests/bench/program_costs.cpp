// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bench/program_costs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

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
constexpr char kHotSection[] = "XDP ingress, one flow, IPv4 with timestamps: above one clock read";

int descriptor(const bpf_program* program) {
    return bpf_program__fd(program);
}

/// Establishes a flow between the frames' ends.
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

constexpr std::uint16_t kPayload = 1000;

/// A segment of a conversation.
Segment data(Options options = Options::timestamps) {
    return {.options = options, .payload = kPayload};
}

/// A conversation of one flow, above a program that reads the clock once.
class Hot : public Measurement {
  public:
    explicit Hot(Mode mode) : mode_(mode) {}

    void run_rounds() override {
        const Baselines baselines = load_baselines(1);
        const LoadedProbe probe = load_probe(1, mode_);
        const int ours = descriptor(probe->progs.flowstamp_xdp_ingress);
        const int clock = descriptor(baselines->progs.baseline_clock);
        Mutated mutated(baselines, Hook::xdp, 1, Traffic::conversation);
        const Bytes frame = from_client(data());
        mutated.open_all(ours, frame);
        for (int round = 0; round < kRounds; round++) {
            clock_.consume(mutated.run(clock, frame, kRepeat));
            ours_.consume(mutated.run(ours, frame, kRepeat));
        }
        expect_taken_in(*probe);
    }

    void report(Results& results) const override {
        results.report({.section = kHotSection,
                        .name = name_of(mode_),
                        .value = ours_.value - clock_.value,
                        .unit = "ns",
                        .bar = at_most(45)});
    }

  private:
    Mode mode_;
    Minimum ours_, clock_;
};

/// The added cost of `--stamps` with a reader that is fast enough.
class Stamps : public Measurement {
  public:
    void run_rounds() override {
        const Baselines baselines = load_baselines(1);
        const LoadedProbe plain = load_probe(1, Mode::act);
        const LoadedProbe stamping = load_probe(1, Mode::act, true);
        const int without = descriptor(plain->progs.flowstamp_xdp_ingress);
        const int with = descriptor(stamping->progs.flowstamp_xdp_ingress);
        Mutated mutated(baselines, Hook::xdp, 1, Traffic::conversation);
        const Bytes frame = from_client(data());
        mutated.open_all(without, frame);
        mutated.open_all(with, frame);
        for (int round = 0; round < kRounds; round++) {
            without_.consume(mutated.run(without, frame, kRepeat));
            with_.consume(mutated.run(with, frame, kRepeat));
            drain(bpf_map__fd(stamping->maps.stamps));
        }
    }

    void report(Results& results) const override {
        results.report({.section = kHotSection,
                        .name = "--stamps adds",
                        .value = with_.value - without_.value,
                        .unit = "ns",
                        .bar = at_most(15)});
    }

  private:
    Minimum without_, with_;
};

/// The real program and the two alternative designs, each minus an empty program, all behind the
/// same mutator.
class Flows : public Measurement {
  public:
    Flows(std::uint32_t flows, std::optional<Bar> bar) : flows_(flows), bar_(bar) {}

    void run_rounds() override {
        const Baselines baselines = load_baselines(flows_);
        const LoadedProbe probe = load_probe(flows_, Mode::act);
        Mutated mutated(baselines, Hook::xdp, flows_, Traffic::conversation);
        const Bytes frame = from_client(data());
        const int programs[] = {descriptor(baselines->progs.baseline_empty),
                                descriptor(probe->progs.flowstamp_xdp_ingress),
                                descriptor(baselines->progs.baseline_lru),
                                descriptor(baselines->progs.baseline_ring),
                                descriptor(baselines->progs.baseline_lines)};
        static_assert(std::size(programs) == kPrograms);
        mutated.open_all(programs[1], frame);
        mutated.visit_all(programs[2], frame);
        mutated.visit_all(programs[4], frame);
        for (int round = 0; round < kRounds; round++) {
            for (std::size_t i = 0; i < std::size(programs); i++) {
                minima_[i].consume(mutated.run(programs[i], frame, kRepeat));
            }
        }
        expect_taken_in(*probe);
    }

    void report(Results& results) const override {
        const double empty = minima_[0].value;
        const double ours = minima_[1].value - empty, lru = minima_[2].value - empty;
        const std::string section =
            fmt::format("XDP ingress, {} flow{} drawn, acting: above an empty program", flows_,
                        flows_ == 1 ? "" : "s");
        results.report({section, "flowstamp_xdp_ingress", ours, "ns"});
        results.report({section, "LRU hash and a ring record per packet", lru, "ns"});
        results.report(
            {section, "a ring record per packet, no state", minima_[3].value - empty, "ns"});
        const double lines = minima_[4].value - empty;
        results.report({section, "the lines of a slot, no rules", lines, "ns"});
        results.report({section, "those to the LRU hash", lines / lru, ""});
        results.report({.section = section,
                        .name = "ours to the LRU hash",
                        .value = ours / lru,
                        .unit = "",
                        .bar = bar_});
    }

  private:
    std::uint32_t flows_;
    std::optional<Bar> bar_;
    static constexpr std::size_t kPrograms = 5;
    Minimum minima_[kPrograms];
};

struct Scenario {
    const char* name;
    Hook hook;
    Bytes frame;
    std::uint32_t flows = 0;  ///< 0: the frame unchanged; else this many, at random
    Traffic traffic = Traffic::repeated;
};

std::vector<Scenario> scenarios() {
    constexpr std::uint32_t kForgedTtl = 60;
    return {
        {"timestamps", Hook::xdp, from_client(data()), 1, Traffic::conversation},
        {"no options", Hook::xdp, from_client(data(Options::none)), 1, Traffic::conversation},
        {"unusual options", Hook::xdp, from_client(data(Options::unusual)), 1,
         Traffic::conversation},
        {"IPv6, timestamps", Hook::xdp, from_client_v6(data()), 1, Traffic::conversation},
        {"IPv6, no options", Hook::xdp, from_client_v6(data(Options::none)), 1,
         Traffic::conversation},
        {"IPv6 behind an extension header", Hook::xdp, from_client_v6_extended({})},
        {"an ACK, again and again", Hook::xdp, from_client({})},
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
        {"tc egress: timestamps", Hook::tc, from_client(data()), 1, Traffic::conversation},
        {"tc egress: IPv6, timestamps", Hook::tc, from_client_v6(data()), 1, Traffic::conversation},
    };
}

/// For information only: no bars.
class Other : public Measurement {
  public:
    explicit Other(Scenario scenario) : scenario_(std::move(scenario)) {}

    void run_rounds() override {
        const Baselines baselines = load_baselines(1);
        const LoadedProbe probe = load_probe(1, Mode::act);
        if (scenario_.traffic == Traffic::repeated) {
            establish(descriptor(probe->progs.flowstamp_xdp_ingress));
        }
        const bool xdp = scenario_.hook == Hook::xdp;
        const auto& theirs = baselines->progs;
        const int empty = descriptor(xdp ? theirs.baseline_empty : theirs.baseline_empty_tc);
        const int ours =
            descriptor(xdp ? probe->progs.flowstamp_xdp_ingress : probe->progs.flowstamp_tc_egress);
        Mutated mutated(baselines, scenario_.hook, scenario_.flows, scenario_.traffic);
        if (scenario_.traffic == Traffic::conversation) {
            mutated.open_all(ours, scenario_.frame);
        }
        const auto once = [&](int program) {
            return scenario_.flows == 0 ? run(scenario_.hook, program, scenario_.frame, kRepeat)
                                        : mutated.run(program, scenario_.frame, kRepeat);
        };
        for (int round = 0; round < kRounds; round++) {
            empty_.consume(once(empty));
            ours_.consume(once(ours));
        }
        if (scenario_.traffic == Traffic::conversation) {
            expect_taken_in(*probe);
        }
    }

    void report(Results& results) const override {
        results.report({"Other packets, acting: above an empty program", scenario_.name,
                        ours_.value - empty_.value, "ns"});
    }

  private:
    Scenario scenario_;
    Minimum ours_, empty_;
};

/// Both CPUs at the same time, each with its own frame.
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

class TwoCpus : public Measurement {
  public:
    void run_rounds() override {
        const Baselines baselines = load_baselines(1);
        const LoadedProbe probe = load_probe(1, Mode::act);
        const int ours = descriptor(probe->progs.flowstamp_xdp_ingress);
        const int empty = descriptor(baselines->progs.baseline_empty);
        establish(ours);
        const Bytes client = from_client({}),
                    server = from_server({.seq = 5001, .ack = 1001, .ttl = 52});
        const Bytes elsewhere = from_client_v6({});
        for (int round = 0; round < kRounds; round++) {
            empty_.consume(on_two_cpus(empty, client, server));
            alone_.consume(run(Hook::xdp, ours, client, kRepeat));
            same_.consume(on_two_cpus(ours, client, server));
            distinct_.consume(on_two_cpus(ours, client, elsewhere));
        }
    }

    void report(Results& results) const override {
        const std::string section =
            "XDP ingress, an ACK again and again on two CPUs, acting: above an empty program";
        results.report({section, "one CPU alone", alone_.value - empty_.value, "ns"});
        results.report({section, "each a direction of one flow", same_.value - empty_.value, "ns"});
        results.report({.section = section,
                        .name = "that, to one alone",
                        .value = (same_.value - empty_.value) / (alone_.value - empty_.value),
                        .unit = "",
                        .bar = at_most(1.3)});
        results.report({section, "each a flow of its own", distinct_.value - empty_.value, "ns"});
    }

  private:
    Minimum empty_, alone_, same_, distinct_;
};

}  // namespace

Measurements program_costs() {
    Measurements all;
    all.push_back(std::make_unique<Hot>(Mode::observe));
    all.push_back(std::make_unique<Hot>(Mode::act));
    all.push_back(std::make_unique<Stamps>());
    all.push_back(std::make_unique<Flows>(1, at_most(0.8)));
    all.push_back(std::make_unique<Flows>(1000, at_most(0.8)));
    all.push_back(std::make_unique<Flows>(10'000, std::nullopt));
    all.push_back(std::make_unique<Flows>(100'000, std::nullopt));
    all.push_back(std::make_unique<Flows>(1'000'000, at_most(0.6)));
    for (Scenario& scenario : scenarios()) {
        all.push_back(std::make_unique<Other>(std::move(scenario)));
    }
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        all.push_back(std::make_unique<TwoCpus>());
    }
    return all;
}

}  // namespace flowstamp::bench
