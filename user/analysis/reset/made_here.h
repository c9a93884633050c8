// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>

#include "user/analysis/observation.h"
#include "user/analysis/slot_reader.h"
#include "user/analysis/tracking/flow_views.h"

namespace flowstamp::analysis {

/// By which interfaces a RST that this host made went out, and its alleged sender's packets come in.
struct MadeHere {
    std::string left_by{};
    std::string comes_in_by{};
};

/// Whether this host made the RST in another's name: it leaves by one interface and came in by none,
/// while the other packets of its alleged sender come in by another that is watched, which has seen
/// no RST of that sender lately. nullopt: it did not, or that is not known: what a proxy here, or
/// this host itself, sends in a connection of its own is no case.
[[nodiscard]] std::optional<MadeHere> made_here(const Observation& rst, const FlowViews& views,
                                                const SlotReader& slots);

}  // namespace flowstamp::analysis
