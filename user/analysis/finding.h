// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flowstamp/event.h"
#include "user/analysis/evidence.h"
#include "user/analysis/names.h"
#include "user/analysis/statement.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// The packet that an event is about: what it was, where and when it was seen.
struct Sighting {
    fst_packet packet{};
    std::uint64_t flow_id = 0;
    std::optional<std::uint64_t> isn_id{};
    std::string interface{};
    Nanoseconds wall{0};  ///< since 1970
    std::optional<std::uint64_t> frame{};

    /// CLOCK_MONOTONIC, or the capture's clock.
    [[nodiscard]] Nanoseconds time() const {
        return Nanoseconds(static_cast<Nanoseconds::rep>(packet.time_ns));
    }
};

/// A RST and its judgement. Reported when it comes, and again under the same id when its verdict,
/// its cause or the state of its challenge changes.
struct Reset {
    std::uint64_t id = 0;  ///< from 1, unique in a run
    bool again = false;    ///< an update of one reported before
    Sighting sighting{};
    fst_judgement judgement{};  ///< as of now
    std::vector<Evidence> evidence{};
    std::optional<std::uint64_t> answers{};  ///< the reset whose challenge this one answers
};

/// What went wrong with a connection. See docs/findings.md.
enum class FindingKind {
#define FINDING_KIND(name, json_name, meaning) name,
#include "user/analysis/kinds.def"
};

/// An entry of kinds.def.
struct FindingKindEntry {
    FindingKind kind;
    std::string_view name;     ///< in JSON and on the command line
    std::string_view meaning;  ///< for the docs
};

/// The outcome of a finding.
enum class Resolution {
    went_on,    ///< the flow continued
    ended,      ///< the flow ended
    both_ends,  ///< the far end was reset too, or has been silent since
    withdrawn,  ///< challenged, its sender reset again: it is genuine
    recovered,  ///< what was unacknowledged is acknowledged now
    answered,   ///< the answer came late
};

/// Of a comparison of two captures: which way its packets go.
enum class PathDirection { a_to_b, b_to_a };

/// Reported when first known, and again under the same id when its verdict rises or it resolves.
struct Finding {
    std::uint64_t id = 0;
    bool again = false;
    std::uint64_t incident = 0;  ///< id of the incident that it belongs to; 0: not set yet
    /// It is the first of its incident, or of its verdict there: the others are like it.
    bool stands_for_incident = true;
    FindingKind kind = FindingKind::forged_rst;
    fst_verdict verdict = FST_VERDICT_SUSPECTED;
    fst_action action = FST_ACTION_OBSERVED;
    std::uint32_t resets = 0;  ///< of forged-rst: such RSTs on this flow from this side so far
    Sighting sighting{};
    Statements summary{};
    Statements advice{};  ///< what to do next; may be empty
    std::vector<Evidence> evidence{};
    std::uint64_t signals = 0;  ///< of forged-rst: FST_SIGNAL_BIT(...) of its strongest RST
    std::optional<std::uint64_t> middlebox{};  ///< id of the suspected middlebox
    std::string vendor{};                      ///< of the packet's source MAC; may be empty
    fst_flow slot{};  ///< the flow as it was when the packet came: its stamps
    std::optional<Resolution> resolution{};
    // Of a comparison of two captures.
    std::optional<PathDirection> direction{};
    std::uint64_t count = 0;  ///< packets that it is about
};

[[nodiscard]] std::string_view name_of(FindingKind kind);
/// All of them, in the order of their declaration.
[[nodiscard]] std::span<const FindingKindEntry> every_finding_kind();
[[nodiscard]] std::string_view name_of(Resolution resolution);
[[nodiscard]] std::string_view name_of(PathDirection direction);

}  // namespace flowstamp::analysis
