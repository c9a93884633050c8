// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Runs programs in the kernel on given frames (BPF_PROG_TEST_RUN): nanoseconds per run.
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

/// Per call; the bench calls several times.
constexpr int kRounds = 4;

struct DestroyBaselines {
    void operator()(baselines_bpf* skeleton) const;
};
struct DestroyProbe {
    void operator()(probe_bpf* skeleton) const;
};
using Baselines = std::unique_ptr<baselines_bpf, DestroyBaselines>;
using LoadedProbe = std::unique_ptr<probe_bpf, DestroyProbe>;

/// `flows`: the number that the tables must hold without evictions.
[[nodiscard]] Baselines load_baselines(std::uint32_t flows);

/// Tells the mutator of the frame's payload.
void set_payload(baselines_bpf& baselines, const Bytes& frame);

enum class Mode { observe, act };

/// The real programs. Acting: `--drop confirmed --challenge all`. `stamping`: with every packet's
/// stamp.
[[nodiscard]] LoadedProbe load_probe(std::uint32_t flows, Mode mode, bool stamping = false);

/// Dies if the program has refused packets: what is measured then is not what is told.
void expect_taken_in(probe_bpf& probe);

/// Empties a ring buffer, discarding its contents.
void drain(int ring);

enum class Hook { xdp, tc };

/// Mean ns of `repeat` runs of a program on the same frame.
[[nodiscard]] double run(Hook hook, int program, const Bytes& frame, std::uint32_t repeat);

/// The minimum of several rounds, in any unit.
struct Minimum {
    double value = std::numeric_limits<double>::max();
    void consume(double other) { value = std::min(value, other); }
};

enum class Traffic {
    repeated,      ///< the frame's own sequence numbers, again and again: copies
    conversation,  ///< each flow's next: data, ACKs, now and then out of order, as most traffic is
};

/// Runs a program on frames of many flows: a mutator creates them, and its tail call to the program
/// is included in the measurement.
class Mutated {
  public:
    /// `flows`: no more than the baselines were loaded for.
    Mutated(const Baselines& baselines, Hook hook, std::uint32_t flows, Traffic traffic)
        : baselines_(*baselines), hook_(hook), flows_(flows), traffic_(traffic) {}

    /// Each flow once, in order.
    void visit_all(int program, const Bytes& frame);
    /// Of each flow so many packets that it is known for what it is.
    void open_all(int program, const Bytes& frame);
    /// Mean ns of `repeat` runs, with random flows.
    [[nodiscard]] double run(int program, const Bytes& frame, std::uint32_t repeat);

  private:
    [[nodiscard]] double run(int program, const Bytes& frame, std::uint32_t repeat, bool in_order);
    /// Each program hears conversations of its own, from their beginning.
    [[nodiscard]] std::uint32_t audience_of(int program);

    baselines_bpf& baselines_;
    Hook hook_;
    std::uint32_t flows_;
    Traffic traffic_;
    std::vector<int> audiences_;
};

}  // namespace flowstamp::bench
