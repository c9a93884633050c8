// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

#include "flowstamp/policy.h"
#include "user/analysis/reset/policy_sink.h"
#include "user/analysis/reset/reset_observation.h"
#include "user/net/endpoint.h"
#include "user/net/learned_signature.h"

namespace flowstamp::analysis {

/// Learns what an injector's resets have in common, so that its next one is recognized on arrival.
/// Only what is distinctive may be learned: "3 hops, ID 0, DF, bare R" is every Linux host at that
/// distance, and a window is that of a whole kind of host. So: an IP-ID other than 0 and 1 that the
/// flow's own end never has; the same on two flows, at the same interface and distance, with the
/// same flags, such that the receiver accepts it, and in the names of two unrelated hosts: whoever
/// is contacted can forge resets on its own connections, and teach what it likes. And only resets
/// that are confirmed without a learned signature are learned from, or keep one from being
/// forgotten: else a signature would confirm itself.
///
/// Owns the list of signatures: others mirror what it publishes.
class SignatureLearner {
  public:
    /// A signature that was not confirmed again for this long is forgotten: by now another sender
    /// may have it.
    static constexpr Nanoseconds kLasts = std::chrono::hours(1);
    /// The shortest time between two publications where only the times of last sight have changed.
    static constexpr Nanoseconds kRenewedEvery = std::chrono::milliseconds(100);

    /// `policy` outlives it.
    explicit SignatureLearner(PolicySink& policy) : policy_(policy) {}

    /// Notes a RST that is confirmed forged. Learns a signature when this RST and an earlier one of
    /// another flow show it; where FST_LEARNED_MAX are known, in place of the one that was proven
    /// longest ago.
    void note(const ResetObservation& rst, const fst_judgement& judgement);
    /// Forgets signatures after kLasts; publishes the list if it has changed.
    void advance(Nanoseconds now);

    /// What the policy sink holds, the one learned longest ago first.
    [[nodiscard]] std::vector<net::LearnedSignature> learned() const;

  private:
    /// Few are compared, as any pair has the same IP-ID by chance once in 65536.
    static constexpr std::size_t kCompared = 32;
    struct Traits {
        std::uint64_t flow_id;
        net::Endpoint sender;  ///< in whose name it came
        fst_learned_signature signature;
    };
    struct Entry {
        net::LearnedSignature learned;
        Nanoseconds proven;  ///< on the observations' clock
    };

    void renew(const ResetObservation& rst, const Traits& traits, bool is_proven);
    void learn_signature(const fst_learned_signature& signature, const ResetObservation& rst);
    bool publish(Nanoseconds now);

    PolicySink& policy_;
    std::deque<Traits> earlier_;
    std::vector<Entry> entries_;
    bool is_renewed_ = false;  ///< a time in the list was not published yet
    Nanoseconds published_{0};
};

}  // namespace flowstamp::analysis
