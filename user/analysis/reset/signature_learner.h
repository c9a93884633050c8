// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

#include "flowstamp/policy.h"
#include "user/analysis/reset/policy_sink.h"
#include "user/analysis/reset/reset_observation.h"
#include "user/net/learned_signature.h"

namespace flowstamp::analysis {

/// Learns what an injector's resets have in common, so that its next one is known on arrival. Only
/// what is distinctive may be taught: "3 hops, ID 0, DF, bare R" is every Linux host at that
/// distance. So: an IP-ID other than 0 and 1, or a window that the flow's end never had; the same
/// on two flows, at the same distance, with the same flags, and such that the receiver heeds it.
/// And only what was proven without the help of an earlier lesson teaches, or keeps one alive: else
/// a lesson would feed on itself.
class SignatureLearner {
  public:
    /// A lesson that was not proven anew for so long is taken back.
    static constexpr Nanoseconds kLasts = std::chrono::hours(1);

    /// `policy` outlives it.
    explicit SignatureLearner(PolicySink& policy) : policy_(policy) {}

    /// Notes a RST that is confirmed forged. Teaches a signature when this RST and an earlier one of
    /// another flow show it.
    void note(const ResetObservation& rst, const fst_judgement& judgement);
    /// Takes back what has aged.
    void advance(Nanoseconds now);

    /// What the policy holds, the one taught longest ago first.
    [[nodiscard]] std::vector<net::LearnedSignature> learned() const;

  private:
    /// Two RSTs with one IP-ID by chance: 1 in 65536 a pair, so few are compared.
    static constexpr std::size_t kCompared = 32;
    struct Mark {
        std::uint64_t flow_id;
        std::uint16_t ip_id;
        std::uint16_t window;
        std::uint8_t hops;
        std::uint8_t tcp_flags;
        bool id_counts;
        bool window_counts;
    };
    struct Entry {
        net::LearnedSignature learned;
        Nanoseconds proven;  ///< on the observations' clock
    };

    void renew(const ResetObservation& rst, const Mark& mark, bool is_proven);
    void learn_signature(const fst_learned_signature& signature, const ResetObservation& rst);

    PolicySink& policy_;
    std::deque<Mark> marks_;
    std::deque<Entry> entries_;
};

}  // namespace flowstamp::analysis
