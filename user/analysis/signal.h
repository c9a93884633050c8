// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The list of signals (flowstamp/signals.def) as the program uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "flowstamp/evidence.h"

namespace flowstamp::analysis {

/// The strength of a signal; as enum fst_strength.
enum class Strength : std::uint8_t {
    conclusive = FST_STRENGTH_CONCLUSIVE,
    strong = FST_STRENGTH_STRONG,
    weak_corroborating = FST_STRENGTH_WEAK_CORROBORATING,
    weak = FST_STRENGTH_WEAK,
    corroborates_genuine = FST_STRENGTH_CORROBORATES_GENUINE,
    benign = FST_STRENGTH_BENIGN,
};

namespace detail {
/// Signals without a bit in fst_judgement.signals are numbered from here.
constexpr int kFindingSignals = 64;
enum FindingSignalNumber : int {
#define FST_FINDING_SIGNAL(name, json_name, strength, meaning) k##name,
#include "flowstamp/signals.def"
};
}  // namespace detail

/// A signal. One about a reset has its bit number as its value; the others have 64 and above.
enum class Signal : std::uint8_t {
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) name = (bit),
#define FST_FINDING_SIGNAL(name, json_name, strength, meaning) \
    name = detail::kFindingSignals + detail::k##name,
#include "flowstamp/signals.def"
};

/// An entry of signals.def.
struct SignalEntry {
    Signal signal;
    std::string_view name;             ///< in JSON
    Strength strength;                 ///< usually
    std::optional<fst_family> family;  ///< of a signal about a reset
    std::string_view meaning;          ///< for the docs
};

/// All of them, in the order of the list: those about a reset with the strongest first.
[[nodiscard]] std::span<const SignalEntry> every_signal();

[[nodiscard]] constexpr Signal signal_of(fst_signal signal) {
    return static_cast<Signal>(signal);
}
[[nodiscard]] std::string_view name_of(Signal signal);
/// The signal's usual strength.
[[nodiscard]] Strength strength_of(Signal signal);
[[nodiscard]] std::string_view name_of(Strength strength);
[[nodiscard]] std::string_view name_of(fst_family family);

}  // namespace flowstamp::analysis
