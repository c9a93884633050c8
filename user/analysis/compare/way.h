// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "user/analysis/compare/byte_ranges.h"
#include "user/analysis/compare/clock_fit.h"
#include "user/analysis/compare/coverage.h"
#include "user/analysis/compare/join.h"
#include "user/analysis/compare/pairs.h"
#include "user/analysis/compare/recording.h"

namespace flowstamp::analysis::compare {

using Packets = std::span<const SeenPacket>;

/// One direction of a connection, from the capture at its sender's side to the one at its
/// receiver's.
struct Way {
    const Recording* sender = nullptr;
    const Recording* receiver = nullptr;
    bool goes_to_b = false;
    unsigned direction = 0;  ///< of A's first view
    /// By view, that with the most packets first.
    std::vector<Packets> sent{};
    std::vector<Packets> received{};
    std::vector<Packets> answers{};  ///< of the other direction, at the receiver's capture
    std::vector<Packets> answers_at_sender{};
    /// What the sender's capture shows on these ports, of this connection or another.
    std::vector<Packets> sent_by_any{};
    bool ports_reused = false;  ///< either capture shows another connection on the same ports
    std::vector<Pair> pairs{};  ///< a: of sent[0], b: of received[0]
    std::vector<Pair>
        back{};  ///< of the other direction: a: of answers_at_sender[0], b: of answers[0]
};

/// The clocks of both ends of a way. `fit` has a value, and outlives it.
class WayClock {
  public:
    /// What clocks and captures cannot tell apart.
    static constexpr std::int64_t kMarginNs = 100'000;

    WayClock(const std::optional<ClockFit>& fit, bool goes_to_b)
        : fit_(fit), goes_to_b_(goes_to_b) {}

    [[nodiscard]] std::int64_t at_sender(std::int64_t receivers) const {
        return goes_to_b_ ? fit_->to_a(receivers) : fit_->to_b(receivers);
    }
    [[nodiscard]] std::int64_t at_receiver(std::int64_t senders) const {
        return goes_to_b_ ? fit_->to_b(senders) : fit_->to_a(senders);
    }
    /// How far either may be wrong.
    [[nodiscard]] std::int64_t uncertainty() const {
        return static_cast<std::int64_t>(fit_->uncertainty_ns) + kMarginNs;
    }
    /// By the sender's clock: what was received then was sent by then, if at all.
    [[nodiscard]] std::int64_t sent_by(std::int64_t receivers) const {
        return at_sender(receivers) + uncertainty();
    }

  private:
    const std::optional<ClockFit>& fit_;
    bool goes_to_b_;
};

/// What the two captures of a way do not agree on. Indices are of received[0] and sent[0].
struct WayFacts {
    Tally sender{};    ///< of what was received: is it in the sender's capture?
    Tally receiver{};  ///< of what arrived for sure: is it in the receiver's capture?
    std::vector<std::uint32_t>
        unsent_resets{};              ///< received; the sender's capture has none like it
    bool has_doubtful_reset = false;  ///< the sender sent one at that time, but another one
    bool has_doubtful_data = false;  ///< bytes that only the receiver's capture has: whose, is open
    std::vector<std::uint32_t> unsent_data{};  ///< received bytes that the sender never sent
    std::vector<std::uint32_t>
        other_data{};  ///< received; the sender sent other bytes, which came, too
    std::vector<std::uint32_t> early_data{};       ///< received before the sender sent these bytes
    std::vector<std::uint32_t> unreceived{};       ///< sent: bytes, FINs, SYNs that never arrived
    std::vector<std::uint32_t> lost_resets{};      ///< sent; no such reset was received
    std::vector<std::uint32_t> unreceived_acks{};  ///< pure ACKs after the last that was received
    bool receiver_ended =
        false;  ///< some of what was sent may have arrived after the capture's end
    std::uint64_t sent_bytes = 0;  ///< payload, with what was sent again, while both captured
    std::uint64_t received_bytes = 0;
    std::uint64_t acks_sent = 0;  ///< packets without data, while both captured
    std::uint64_t acks_lost = 0;
    std::int64_t most_delay_ns = 0;  ///< over all pairs
};

/// Where a sequence number lies in its stream: past 2^32 bytes numbers come again.
class Unwrapper {
  public:
    explicit Unwrapper(std::uint32_t base) : base_(base) {}
    /// Numbers come nearly in order: each is near the latest.
    [[nodiscard]] std::int64_t at(std::uint32_t number) {
        const auto step =
            static_cast<std::int32_t>(number - (base_ + static_cast<std::uint32_t>(latest_)));
        latest_ += step;
        return latest_;
    }

  private:
    std::uint32_t base_;
    std::int64_t latest_ = 0;
};

/// Compares the two captures of a way.
[[nodiscard]] WayFacts facts_of(const Way& way, const WayClock& clock);

}  // namespace flowstamp::analysis::compare
