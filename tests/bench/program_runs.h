// SPDX-License-Identifier: Apache-2.0
// Programs run by the kernel on frames of ours (BPF_PROG_TEST_RUN): nanoseconds of one run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "flowstamp/policy.h"

struct baselines_bpf;
struct probe_bpf;

namespace flowstamp::bench {

using Bytes = std::vector<std::uint8_t>;

/// At a time; a run of the bench comes back a few times.
constexpr int kRounds = 4;

struct DestroyBaselines {
    void operator()(baselines_bpf* skeleton) const;
};
struct DestroyProbe {
    void operator()(probe_bpf* skeleton) const;
};
using Baselines = std::unique_ptr<baselines_bpf, DestroyBaselines>;
using LoadedProbe = std::unique_ptr<probe_bpf, DestroyProbe>;

/// `flows`: how many the tables must hold well.
[[nodiscard]] Baselines load_baselines(std::uint32_t flows);

enum class Mode { observe, act };

/// The real programs. Acting: `--drop confirmed --challenge all`. `stamping`: with every packet's stamp.
[[nodiscard]] LoadedProbe load_probe(std::uint32_t flows, Mode mode, bool stamping = false);

/// Reads a ring buffer empty, and forgets what it held.
void drain(int ring);

enum class Hook { xdp, tc };

/// Mean ns of `repeat` runs of a program on the same frame.
[[nodiscard]] double run(Hook hook, int program, const Bytes& frame, std::uint32_t repeat);

/// The least of several rounds, in whatever unit.
struct Least {
    double value = std::numeric_limits<double>::max();
    void consume(double other) { value = std::min(value, other); }
};

/// Runs a program on frames of many flows: a mutator makes them, and the tail call to the program is
/// part of what is measured.
class Mutated {
  public:
    Mutated(const Baselines& baselines, Hook hook, std::uint32_t flows)
        : baselines_(*baselines), hook_(hook), flows_(flows) {}

    /// Each flow once, in turn.
    void visit_all(int program, const Bytes& frame) const;
    /// Mean ns of `repeat` runs, the flows drawn.
    [[nodiscard]] double run(int program, const Bytes& frame, std::uint32_t repeat) const;

  private:
    [[nodiscard]] double run(int program, const Bytes& frame, std::uint32_t repeat,
                             bool in_turn) const;

    baselines_bpf& baselines_;
    Hook hook_;
    std::uint32_t flows_;
};

}  // namespace flowstamp::bench
