// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "user/analysis/incidents.h"
#include "user/output/event.h"

namespace flowstamp::output {

/// Resets by what became of them: each counts once, as it was judged last.
struct JudgedResets {
    std::array<std::uint64_t, FST_VERDICT_CONFIRMED + 1> verdicts{};  ///< by enum fst_verdict
    std::map<fst_cause, std::uint64_t> causes{};                      ///< of the genuine ones
};

/// Why the genuine ones were sent, the most frequent first: "700 abort, 480 closed-port"; empty if there
/// is none.
[[nodiscard]] std::string genuine_text(const JudgedResets& resets);

/// "1,180 genuine (700 abort, 480 closed-port), 14 suspected forged, ...".
[[nodiscard]] std::string tally_text(const JudgedResets& resets);

/// What the reports of a watch come to, for its live view. Bounded.
class WatchTally final : public Consumer {
  public:
    /// Resets whose updates are known as such.
    static constexpr std::size_t kResets = 16384;
    static constexpr std::size_t kMessages = 100;

    /// Something about the run itself.
    struct Message {
        Nanoseconds wall{0};  ///< since 1970
        std::string text{};
        bool is_bad = false;
    };

    void consume(const Event& event) override;
    void note(Message message);

    [[nodiscard]] const JudgedResets& resets() const { return resets_; }
    /// The finding that stands for the incident, as it was reported last; null if it is not known.
    [[nodiscard]] const analysis::Finding* finding_of(std::uint64_t incident) const;
    /// The latest last.
    [[nodiscard]] const std::deque<Message>& messages() const { return messages_; }

  private:
    void reset(const analysis::Reset& reset);
    void finding(const analysis::Finding& finding);

    struct Judged {
        std::uint8_t verdict;
        std::uint8_t cause;
    };
    JudgedResets resets_;
    std::map<std::uint64_t, Judged> judged_;               ///< the latest resets, by id
    std::map<std::uint64_t, analysis::Finding> findings_;  ///< by incident
    std::deque<Message> messages_;
};

}  // namespace flowstamp::output
