// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// When the two captures of a way prove something. docs/compare.md argues each rule.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "user/analysis/compare/coverage.h"
#include "user/analysis/compare/way.h"

namespace flowstamp::analysis::compare {

/// How it is known that a sender did not send a packet.
struct Proof {
    /// The sender's next packet of the connection, after that which it would have ended; by the
    /// sender's clock.
    std::optional<std::int64_t> went_on_ns{};
    std::uint64_t others = 0;  ///< received packets of this direction that it did send
};

/// Whether the sender did not send the reset received[0][index], which its capture does not have.
[[nodiscard]] std::expected<Proof, Unjudged> judge_reset(const Way& way, const WayFacts& facts,
                                                         const WayClock& clock,
                                                         const Coverage& sender,
                                                         std::uint32_t index);

/// What shows that a sender did not send data.
enum class DataSign : std::uint8_t {
    never_sent,   ///< its stream goes on, later, where that data begins
    other_bytes,  ///< it sent other bytes with that number
    sent_later,   ///< it sent these bytes after they had been received
};

/// Whether the sender did not send the data that has such a sign.
[[nodiscard]] std::expected<Proof, Unjudged> judge_data(const Way& way, const WayFacts& facts,
                                                        const Coverage& sender, DataSign sign);

/// What was sent and never received.
struct Lost {
    std::vector<std::uint32_t> packets{};  ///< of sent[0], by time
    bool is_all_after = false;             ///< nothing that was sent later arrived, either
    bool is_reset = false;                 ///< one reset, and nothing else
    std::uint64_t bytes = 0;               ///< payload
};

/// Nothing if all arrived but single ACKs, which need not.
[[nodiscard]] std::optional<std::expected<Lost, Unjudged>> judge_lost(const Way& way,
                                                                      const WayFacts& facts,
                                                                      const WayClock& clock,
                                                                      const Coverage& receiver);

}  // namespace flowstamp::analysis::compare
