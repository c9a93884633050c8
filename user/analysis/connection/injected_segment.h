// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <map>
#include <set>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/analysis/slot_reader.h"
#include "user/analysis/tracking/handshakes.h"
#include "user/analysis/tracking/syn_tracker.h"

namespace flowstamp::analysis {

/// Segments other than resets that were injected in one end's name: two SYN-ACKs with different
/// sequence numbers for one SYN; the same data twice, from two distances; in a capture, other bytes
/// for the same sequence numbers; or a SYN-ACK and then data that both have the IP-ID of the packet
/// that they answer. The receiver took whichever came first; the other one shows the injection.
/// Retransmissions alone are none. Live, the bytes are not seen.
class InjectedSegment final : public Detector {
  public:
    /// The second answer comes within this of the first.
    static constexpr Nanoseconds kRace = std::chrono::seconds(2);

    /// `syns` and `handshakes` are kept by the caller: they have recorded each observation before
    /// it comes here. All outlive the detector.
    InjectedSegment(SynTracker& syns, const Handshakes& handshakes, const SlotReader& slots,
                    Findings& findings)
        : syns_(syns), handshakes_(handshakes), slots_(slots), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 16384;

    /// Marks the view as reported; false if it was already.
    [[nodiscard]] bool mark_reported(const ViewKey& view);
    void saw_syn_ack(const Observation& observation, FindingSink& sink);
    [[nodiscard]] static bool is_by_sender_itself(const Observation& observation);
    void saw_repeated(const Observation& observation, FindingSink& sink);
    void report_elsewhere(const Observation& observation, const fst_stamp& elsewhere,
                          FindingSink& sink);
    void report_other_bytes(const Observation& observation, FindingSink& sink);
    void saw_fin(const Observation& observation, FindingSink& sink);
    void report_syn_ack(const Sighting& injected, const Sighting& other, bool echo, bool nearer,
                        FindingSink& sink);

    SynTracker& syns_;
    const Handshakes& handshakes_;
    const SlotReader& slots_;
    Findings& findings_;
    std::map<ViewKey, Observation> shifted_;  ///< the latest packet from a new distance
    std::set<ViewKey> reported_;
};

}  // namespace flowstamp::analysis
