// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/signal.h"

#include <algorithm>
#include <array>

namespace flowstamp::analysis {

namespace {

constexpr Strength strength_from(fst_strength strength) {
    return static_cast<Strength>(strength);
}

constexpr std::array kSignals = {
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning)        \
    SignalEntry{Signal::name, json_name, strength_from(FST_STRENGTH_##strength), \
                FST_FAMILY_##family, meaning},
#define FST_FINDING_SIGNAL(name, json_name, strength, meaning)                                 \
    SignalEntry{Signal::name, json_name, strength_from(FST_STRENGTH_##strength), std::nullopt, \
                meaning},
#include "flowstamp/signals.def"
};

const SignalEntry& entry_of(Signal signal) {
    return *std::ranges::find(kSignals, signal, &SignalEntry::signal);
}

}  // namespace

std::span<const SignalEntry> every_signal() {
    return kSignals;
}

std::string_view name_of(Signal signal) {
    return entry_of(signal).name;
}

Strength strength_of(Signal signal) {
    return entry_of(signal).strength;
}

std::string_view name_of(Strength strength) {
    switch (strength) {
        case Strength::conclusive:
            return "conclusive";
        case Strength::strong:
            return "strong";
        case Strength::weak_corroborating:
            return "weak-corroborating";
        case Strength::corroborates_genuine:
            return "corroborates-genuine";
        case Strength::benign:
            return "benign";
        case Strength::weak:
            break;
    }
    return "weak";
}

std::string_view name_of(fst_family family) {
    static constexpr std::array<std::string_view, 11> kNames = {
        "liveness", "syn",    "seq",        "challenge", "path", "id",
        "time",     "window", "timestamps", "data",      "link"};
    return kNames.at(family);
}

}  // namespace flowstamp::analysis
