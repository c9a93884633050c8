// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "user/detect/challenge_tally.h"
#include "user/detect/detector.h"
#include "user/detect/episode.h"
#include "user/detect/findings.h"
#include "user/detect/handshakes.h"
#include "user/detect/host_memory.h"
#include "user/detect/policy_sink.h"
#include "user/detect/reset_case.h"
#include "user/detect/rests.h"
#include "user/detect/scans.h"
#include "user/detect/signature_book.h"
#include "user/flow/lesson.h"
#include "user/flow/slot_reader.h"

namespace flowstamp {

/// Judges every RST: by what the kernel saw when it came, by what later packets show, and by the
/// answer to the challenge. Tells each as a reset, and the doubted ones as findings.
class ForgedRst final : public Detector {
  public:
    /// Without an answer for so long, a question counts as unanswered. A late answer still counts.
    static constexpr Nanoseconds kAnswerWithin = std::chrono::seconds(5);
    /// How long a RST is remembered: for the life of its sender, and for late answers.
    static constexpr Nanoseconds kRemember = std::chrono::seconds(5);
    static constexpr Nanoseconds kRememberAsked = std::chrono::minutes(2);
    /// RSTs remembered at the most.
    static constexpr std::size_t kMost = 8192;

    /// All outlive the detector. What others keep has filed each observation before it comes here.
    struct Parts {
        const SlotReader& slots;  ///< the flow table
        const HostMemory& hosts;
        const Handshakes& handshakes;
        const Rests& rests;
        const Scans& scans;
        PolicySink& policy;  ///< takes what was learnt
        Findings& findings;
    };
    explicit ForgedRst(const Parts& parts) : parts_(parts), signatures_(parts.policy) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink& sink) override;

    [[nodiscard]] const ChallengeTally& challenges() const { return challenges_; }
    /// What the policy was taught and holds.
    [[nodiscard]] std::vector<Lesson> lessons() const { return signatures_.lessons(); }
    [[nodiscard]] std::size_t remembered() const { return cases_.size(); }

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
        std::optional<Episode> episode{};
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
    ResetCase& remember(const Observation& observation, Side& side, FindingSink& sink);
    void compare(ResetCase& reset, const SideKey& key, FindingSink& sink);
    void take_answer(ResetCase& answer, const SideKey& key, FindingSink& sink);
    void take_unasked_answer(ResetCase& answer, const SideKey& key, FindingSink& sink);
    bool put_answer(ResetCase& reset, fs_challenge answer);
    void tell(ResetCase& reset, FindingSink& sink);
    void tell_finding(Side& side, ResetCase& reset, FindingSink& sink);
    void tell_news(Episode& episode, FindingSink& sink);
    void note_other_end(const SideKey& key);
    /// What is due by now: outcomes, answers that did not come, what is to be forgotten.
    void settle_due(Nanoseconds now, FindingSink& sink);
    void settle(const SideKey& key, Nanoseconds now, FindingSink& sink);
    void forget(std::uint64_t id, FindingSink& sink);
    void drop_if_empty(const SideKey& key);
    [[nodiscard]] std::vector<ResetCase*> cases_of(const SideKey& key);
    [[nodiscard]] static SideKey side_of(const RstView& view) {
        return {view.key(), view.direction()};
    }

    Parts parts_;
    SignatureBook signatures_;
    ChallengeTally challenges_;
    std::map<std::uint64_t, ResetCase> cases_;  ///< by id: the oldest first
    std::unordered_map<SideKey, Side, SideKeyHash> sides_;
    std::multimap<Nanoseconds, Deadline> deadlines_;
    std::multimap<Nanoseconds, SideKey> settlements_;
};

}  // namespace flowstamp
