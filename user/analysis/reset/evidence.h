// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flowstamp/event.h"

namespace flowstamp::analysis {

/// The first four speak against a packet, the last two for it: a voucher decides, a benign fact is what
/// a genuine one looks like.
enum class Strength { conclusive, strong, joining, weak, voucher, benign };

/// One thing that speaks for or against a packet, in words: what the packet bore, and what its
/// sender's other packets bear.
struct Evidence {
    std::string_view signal;  ///< "nearer", "id-echo", ...: stable names, see signal_name()
    Strength strength = Strength::weak;
    std::string packet{};                   ///< "60 (4 hops)"
    std::optional<std::string> baseline{};  ///< "52 (12 hops)"; nothing where there is none
};

/// The packets that later showed something about a RST: the values behind the signals that the RST
/// alone cannot bear.
struct LaterEvidence {
    std::optional<fst_packet> liveness_ack{};
    std::optional<fst_packet> liveness_clock{};
    std::optional<fst_packet> liveness_id{};
    std::optional<fst_packet> liveness_data{};
    std::optional<fst_packet> beyond_window{};
    std::optional<fst_packet> refuted{};    ///< the packet that answered the challenge
    std::optional<fst_packet> syn_ack{};    ///< the SYN's other answer
    std::optional<fst_packet> other_rst{};  ///< the RST that this one contradicts
};

/// The signals of `judgement` in words, the strongest first. `slot` is the flow as it was when the
/// RST came.
[[nodiscard]] std::vector<Evidence> describe(const fst_packet& rst, const fst_judgement& judgement,
                                             const fst_flow& slot, const LaterEvidence& later);

[[nodiscard]] std::string_view signal_name(fst_signal signal);
[[nodiscard]] Strength strength_of(fst_signal signal);
[[nodiscard]] std::string_view name_of(Strength strength);
[[nodiscard]] std::string_view name_of(fst_verdict verdict);
[[nodiscard]] std::string_view name_of(fst_cause cause);
[[nodiscard]] std::string_view name_of(fst_action action);
[[nodiscard]] std::string_view name_of(fst_challenge challenge);
/// Why a doubted RST was passed: one clause for people.
[[nodiscard]] std::string_view text_of(fst_pass_reason reason);

}  // namespace flowstamp::analysis
