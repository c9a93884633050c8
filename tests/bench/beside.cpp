// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bench/beside.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "baselines.skel.h"
#include "probe.skel.h"
#include "tests/bench/frames.h"
#include "tests/bench/program_runs.h"

namespace flowstamp::bench {
namespace {

constexpr std::uint32_t kRepeat = 500'000;

class Beside : public Measurement {
  public:
    Beside(OtherBuild build, std::uint32_t flows, std::optional<Bar> bar)
        : build_(std::move(build)), flows_(flows), bar_(bar) {}

    void run_rounds() override {
        // Who is loaded first has the better memory, if any: each has its turn.
        const Baselines baselines = load_baselines(flows_);
        LoadedObject other = turn_ % 2 == 1 ? load(build_) : nullptr;
        const LoadedProbe probe = load_probe(flows_, Mode::act);
        if (!other) {
            other = load(build_);
        }
        turn_++;
        const auto& plain = baselines->progs;
        const std::array programs = {
            bpf_program__fd(flows_ == 1 ? plain.baseline_clock : plain.baseline_empty),
            bpf_program__fd(probe->progs.flowstamp_xdp_ingress), xdp_ingress_of(*other)};
        Mutated mutated(baselines, Hook::xdp, flows_, Traffic::conversation);
        const Bytes frame = from_client({.options = Options::timestamps, .payload = 1000});
        mutated.open_all(programs[1], frame);
        mutated.open_all(programs[2], frame);
        for (int round = 0; round < kRounds; round++) {
            for (std::size_t i = 0; i < programs.size(); i++) {
                minima_[i].consume(mutated.run(programs[i], frame, kRepeat));
            }
        }
        expect_taken_in(*probe);
    }

    void report(Results& results) const override {
        const std::string section =
            flows_ == 1
                ? fmt::format("Beside {}, one flow, acting: above one clock read", build_.object)
                : fmt::format("Beside {}, {} flows drawn, acting: above an empty program",
                              build_.object, flows_);
        const double ours = minima_[1].value - minima_[0].value,
                     theirs = minima_[2].value - minima_[0].value;
        results.report({section, "this build", ours, "ns"});
        results.report({section, "the other", theirs, "ns"});
        results.report({.section = section,
                        .name = "this to the other",
                        .value = ours / theirs,
                        .unit = "",
                        .bar = bar_});
    }

  private:
    OtherBuild build_;
    std::uint32_t flows_;
    std::optional<Bar> bar_;
    int turn_ = 0;
    std::array<Minimum, 3> minima_;
};

}  // namespace

Measurements beside(const OtherBuild& build) {
    constexpr std::uint32_t kMany = 100'000, kMost = 1'000'000;
    Measurements all;
    all.push_back(std::make_unique<Beside>(build, 1, at_most(0.6)));
    all.push_back(std::make_unique<Beside>(build, kMany, std::nullopt));
    all.push_back(std::make_unique<Beside>(build, kMost, std::nullopt));
    return all;
}

}  // namespace flowstamp::bench
