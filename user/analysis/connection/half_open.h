// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// Data of a live connection is answered by a genuine reset of someone who does not know it. Either
/// the end that should know it has lost it (half-open, RFC 9293, section 3.5.1): half-open. Or that
/// end lives on, and another answers in its place, as a REJECT rule does: rst-rejected. Which of
/// the two is known when that end sends again, or has not done so for a while.
///
/// Not of a connection that anyone ended or reset here, that was idle (idle-timeout), or whose
/// opener scans.
class HalfOpen final : public Detector {
  public:
    /// An end that lives on has sent something by then. Longer than a RST is observed.
    static constexpr Nanoseconds kWait = kObservation + std::chrono::seconds(1);

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit HalfOpen(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void judged(const Reset& reset, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink& sink) override;

  private:
    static constexpr std::size_t kMost = 4096;
    static constexpr Nanoseconds kForget = std::chrono::minutes(1);
    struct Answer {
        Observation rst;
        bool counts =
            true;  ///< it may be such an answer, and nothing that came later speaks against it
        bool lives_on = false;  ///< its alleged sender
    };
    [[nodiscard]] bool may_be_answer(const Observation& rst) const;
    void conclude(const Answer& answer, FindingSink& sink);

    Tracking& tracking_;
    std::map<std::uint64_t, Answer> answers_;  ///< by the RST's number: the oldest first
    std::unordered_map<ViewKey, std::uint64_t, ViewKeyHash> views_;  ///< of answers_
    std::map<net::Endpoint, Nanoseconds>
        resets_of_;  ///< the latest RST of an end, on any connection
};

}  // namespace flowstamp::analysis
