// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>

#include "flowstamp/event.h"
#include "flowstamp/reset_rules.h"
#include "user/analysis/finding.h"
#include "user/analysis/observation.h"
#include "user/analysis/reset/evidence.h"
#include "user/analysis/tracking/host_memory.h"

namespace flowstamp::analysis {

/// How long a RST's sender is watched for signs of liveness. Longer, and a new connection on the
/// same ports may be mistaken for the old one.
inline constexpr Nanoseconds kObservation = std::chrono::microseconds(FST_WATCH_US);

/// The same for a RST that was challenged and refuted; the kernel watches it as long.
inline constexpr Nanoseconds kObservationWhenChallenged =
    std::chrono::microseconds(FST_WATCH_CHALLENGED_US);

/// A RST as one interface showed it: the kernel's judgement on arrival, and the evidence that later
/// packets add. Only collects evidence; fst_conclude() judges it.
class ResetObservation {
  public:
    /// `observation` is an FST_EVENT_RST with its slot.
    explicit ResetObservation(const Observation& observation);

    /// Uses what its sender has shown on other flows, where this flow has too few packets. Only if
    /// the kernel did not act on the RST: otherwise the reasons for which it acted stand.
    void consider(const HostMemory::Host& host);

    /// A later packet of the same sender on the same interface, no RST. Returns whether it brought
    /// evidence.
    bool see_later_packet(const fst_event& event);

    /// A later RST of the same sender on the same interface: each may be evidence against the
    /// other. Returns whether it brought evidence to this, the earlier one.
    bool compare_with_later(ResetObservation& later_rst);

    /// The same SYN was also answered by a SYN-ACK. The caller has checked the guards.
    bool add_syn_ack(const fst_packet& syn_ack);

    /// This host made it; nullopt: it did not, whatever was said before.
    void set_made_here(std::optional<MadeHere> made_here);

    /// The RST was challenged, and this packet refutes it.
    bool refute(const fst_packet& packet);

    /// A later RST of the same side was upheld: if this one was refuted by a peer that was live but
    /// may not have received our packets, it did not receive them.
    void uphold();

    /// No more evidence from later packets: they may belong to another connection.
    void end_observation() { observing_ = false; }

    /// The signals of later packets and resets so far, before any guard.
    [[nodiscard]] std::uint64_t raised_signals() const { return later_signals_; }

    /// All evidence so far, and what it comes to.
    [[nodiscard]] fst_judgement judgement() const;
    [[nodiscard]] std::vector<Evidence> evidence() const;

    [[nodiscard]] ViewKey key() const { return key_; }
    [[nodiscard]] const fst_packet& packet() const { return sighting_.packet; }
    [[nodiscard]] const fst_judgement& arrival() const { return arrival_; }
    [[nodiscard]] const Sighting& sighting() const { return sighting_; }
    [[nodiscard]] const fst_flow& slot() const { return slot_; }
    [[nodiscard]] unsigned direction() const { return packet().direction & 1U; }
    [[nodiscard]] bool is_from_own_distance() const;
    [[nodiscard]] bool was_acceptable() const;
    /// Null if it is not known that this host made it.
    [[nodiscard]] const MadeHere* made_here() const {
        return later_.made_here ? &*later_.made_here : nullptr;
    }

  private:
    bool add(fst_signal signal, std::optional<fst_packet>& place, const fst_packet& packet);
    [[nodiscard]] bool observes(const fst_packet& later) const;
    [[nodiscard]] bool is_vouched_as_well(const fst_packet& later) const;
    [[nodiscard]] bool continues_id(const fst_packet& later) const;
    [[nodiscard]] bool repeats_old_data(const fst_packet& later) const;
    [[nodiscard]] bool may_be_other_host() const;
    [[nodiscard]] bool may_be_from_own_distance() const;
    [[nodiscard]] bool is_from_senders_distance(const fst_packet& later) const;
    [[nodiscard]] bool would_be_accepted() const;
    [[nodiscard]] bool is_first_of_burst() const;
    [[nodiscard]] bool acknowledges_later_data(const fst_packet& later) const;
    [[nodiscard]] bool clock_went_on(const fst_packet& later) const;
    [[nodiscard]] bool id_went_on(const fst_packet& later) const;
    [[nodiscard]] bool exceeds_window(const fst_packet& later) const;
    [[nodiscard]] bool is_data_beyond(const fst_packet& later) const;
    [[nodiscard]] fst_earlier_reset as_earlier() const;
    [[nodiscard]] bool guesses_on(const ResetObservation& later) const;
    [[nodiscard]] bool takes_another_path(const ResetObservation& later) const;

    ViewKey key_;
    Sighting sighting_;
    fst_judgement arrival_;
    fst_flow slot_;
    bool is_synthetic_;  ///< a program has written the flow's packets: later ones show nothing
    std::uint64_t later_signals_ = 0;
    std::uint64_t cleared_signals_ = 0;  ///< explained by its sender's other flows
    LaterEvidence later_;
    bool is_from_elsewhere_ = false;  ///< not from its sender's distance: a gateway's, maybe
    bool observing_ = true;
    bool upheld_ = false;
};

}  // namespace flowstamp::analysis
