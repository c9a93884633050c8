// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/names.h"

#include <array>

#include "user/analysis/finding.h"
#include "user/analysis/flow_record.h"

namespace flowstamp::analysis {

std::string_view name_of(fst_verdict verdict) {
    switch (verdict) {
        case FST_VERDICT_SUSPECTED:
            return "suspected";
        case FST_VERDICT_CONFIRMED:
            return "confirmed";
        case FST_VERDICT_PROVEN:
            return "proven";
        case FST_VERDICT_GENUINE:
            break;
    }
    return "genuine";
}

std::string_view name_of(fst_cause cause) {
    static constexpr auto kNames = std::to_array<std::string_view>({
#define FST_CAUSE(name, value, json_name, words, reset, recognised_by) json_name,
#include "flowstamp/causes.def"
    });
    return cause < kNames.size() ? kNames[cause] : kNames[0];
}

std::string_view name_of(fst_action action) {
    switch (action) {
        case FST_ACTION_CHALLENGED:
            return "challenged";
        case FST_ACTION_DROPPED:
            return "dropped";
        case FST_ACTION_OBSERVED:
            break;
    }
    return "observed";
}

std::string_view name_of(fst_challenge challenge) {
    static constexpr std::array<std::string_view, 5> kNames = {"none", "asked", "upheld", "refuted",
                                                               "unanswered"};
    return challenge < kNames.size() ? kNames[challenge] : kNames[0];
}

std::span<const FindingKindEntry> every_finding_kind() {
    static constexpr std::array kAll = {
#define FINDING_KIND(name, json_name, meaning) \
    FindingKindEntry{FindingKind::name, json_name, meaning},
#include "user/analysis/kinds.def"
    };
    return kAll;
}

std::string_view name_of(FindingKind kind) {
    return every_finding_kind()[static_cast<std::size_t>(kind)].name;
}

std::string_view name_of(FlowEnd end) {
    switch (end) {
        case FlowEnd::closed:
            return "closed";
        case FlowEnd::reset:
            return "reset";
        case FlowEnd::idle:
            return "idle";
        case FlowEnd::evicted:
            return "evicted";
        case FlowEnd::replaced:
            return "replaced";
        case FlowEnd::open:
            break;
    }
    return "open";
}

std::string_view name_of(PathDirection direction) {
    return direction == PathDirection::a_to_b ? "a-to-b" : "b-to-a";
}

std::string_view name_of(Resolution resolution) {
    switch (resolution) {
        case Resolution::went_on:
            return "went-on";
        case Resolution::ended:
            return "ended";
        case Resolution::both_ends:
            return "both-ends";
        case Resolution::withdrawn:
            return "withdrawn";
        case Resolution::recovered:
            return "recovered";
        case Resolution::answered:
            break;
    }
    return "answered";
}

}  // namespace flowstamp::analysis
