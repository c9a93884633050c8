// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "user/analysis/detector.h"
#include "user/analysis/reset/reset_incident.h"
#include "user/analysis/reset/reset_record.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// Judges every RST: by what the kernel saw when it came, by what later packets show, and by the
/// answer to the challenge. Reports each as a reset, and the suspicious ones as findings.
class ForgedRst final : public Detector {
  public:
    /// A challenge without an answer for this long is unanswered. A late answer still counts.
    static constexpr Nanoseconds kAnswerWithin = std::chrono::seconds(5);
    /// How long a RST is remembered: for signs of its sender's liveness, and for late answers.
    static constexpr Nanoseconds kRemember = std::chrono::seconds(5);
    static constexpr Nanoseconds kRememberChallenged = std::chrono::minutes(2);
    /// RSTs remembered at the most.
    static constexpr std::size_t kMost = 8192;

    /// `tracking` outlives the detector.
    explicit ForgedRst(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink& sink) override;

    [[nodiscard]] std::size_t remembered() const { return records_.size(); }

  private:
    /// One end of a flow as one interface sees it: RSTs in its name.
    struct SideKey {
        ViewKey view;
        unsigned direction;
        friend bool operator==(const SideKey&, const SideKey&) = default;
    };
    struct SideKeyHash {
        std::size_t operator()(const SideKey& key) const noexcept {
            return ViewKeyHash{}(key.view) * 2 + key.direction;
        }
    };
    struct Side {
        std::deque<std::uint64_t> resets{};  ///< ids of remembered ones, the oldest first
        std::optional<ResetIncident> incident{};
    };
    enum class Due { answer, forget };
    struct Deadline {
        Due due;
        std::uint64_t reset;
    };

    void on_rst(const Observation& observation, FindingSink& sink);
    void on_later_packet(const Observation& observation, FindingSink& sink);
    void on_syn(const Observation& observation);
    void on_syn_ack(const Observation& observation, FindingSink& sink);

    [[nodiscard]] ResetPast past_of(const Observation& rst) const;
    ResetRecord& remember(const Observation& observation, Side& side, FindingSink& sink);
    void make_room(Side& side, std::uint64_t latest, FindingSink& sink);
    void compare(ResetRecord& reset, const SideKey& key, FindingSink& sink);
    void take_answer(ResetRecord& answer, const SideKey& key, FindingSink& sink);
    void infer_answer(ResetRecord& answer, const SideKey& key, FindingSink& sink);
    bool record_answer(ResetRecord& reset, fst_challenge answer);
    void report(ResetRecord& reset, FindingSink& sink);
    void report_finding(Side& side, ResetRecord& reset, FindingSink& sink);
    void report_update(ResetIncident& incident, FindingSink& sink);
    void notify_other_end(const SideKey& key);
    void settle(const SideKey& key, Nanoseconds now, FindingSink& sink);
    void forget(std::uint64_t id, FindingSink& sink);
    void drop_if_empty(const SideKey& key);
    [[nodiscard]] std::vector<ResetRecord*> records_of(const SideKey& key);
    [[nodiscard]] static SideKey side_of(const ResetObservation& view) {
        return {view.key(), view.direction()};
    }

    Tracking& tracking_;
    std::map<std::uint64_t, ResetRecord> records_;  ///< by id: the oldest first
    std::unordered_map<SideKey, Side, SideKeyHash> sides_;
    std::multimap<Nanoseconds, Deadline> deadlines_;
    std::multimap<Nanoseconds, SideKey> settlements_;
};

}  // namespace flowstamp::analysis
