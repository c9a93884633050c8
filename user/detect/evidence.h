// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flowstamp/event.h"

namespace flowstamp {

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
struct LaterSigns {
    std::optional<fs_packet> life_ack{};
    std::optional<fs_packet> life_clock{};
    std::optional<fs_packet> life_id{};
    std::optional<fs_packet> life_data{};
    std::optional<fs_packet> life_lasts{};
    std::optional<fs_packet> refuted{};    ///< the packet that answered the challenge
    std::optional<fs_packet> syn_ack{};    ///< the SYN's other answer
    std::optional<fs_packet> other_rst{};  ///< the RST that this one contradicts
};

/// The signals of `judgement` in words, the strongest first. `slot` is the flow as it was when the
/// RST came.
[[nodiscard]] std::vector<Evidence> describe(const fs_packet& rst, const fs_judgement& judgement,
                                             const fs_flow& slot, const LaterSigns& later);

[[nodiscard]] std::string_view signal_name(fs_signal signal);
[[nodiscard]] Strength strength_of(fs_signal signal);
[[nodiscard]] std::string_view name_of(Strength strength);
[[nodiscard]] std::string_view name_of(fs_verdict verdict);
[[nodiscard]] std::string_view name_of(fs_cause cause);
[[nodiscard]] std::string_view name_of(fs_action action);
[[nodiscard]] std::string_view name_of(fs_challenge challenge);
/// Why a doubted RST was passed: one clause for people.
[[nodiscard]] std::string_view text_of(fs_pass_reason reason);

}  // namespace flowstamp
