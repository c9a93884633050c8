// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/datapath/rig.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace flowstamp::testing {

const SeenEvent* Outcome::find(fst_event_kind kind) const {
    const auto seen = std::ranges::find_if(
        events, [kind](const SeenEvent& event) { return event.event.header.kind == kind; });
    return seen == events.end() ? nullptr : &*seen;
}

fst_judgement Outcome::judgement() const {
    const SeenEvent* reset = find(FST_EVENT_RST);
    EXPECT_NE(reset, nullptr) << "no RST event";
    return reset == nullptr ? fst_judgement{} : reset->event.judgement;
}

std::string name_of(const RigKind& kind) {
    const std::array<const char*, 3> hooks{"xdp", "tc_ingress", "tc_egress"};
    return std::string(kind.backend == Backend::host ? "host_" : "kernel_") + hooks.at(kind.hook);
}

std::ostream& operator<<(std::ostream& out, const RigKind& kind) {
    return out << name_of(kind);
}

std::vector<RigKind> ingress_hooks() {
    std::vector<RigKind> kinds = every_hook();
    std::erase_if(kinds, [](const RigKind& kind) { return kind.hook == FST_HOOK_TC_EGRESS; });
    return kinds;
}

std::optional<std::uint32_t> Rig::find(const std::function<bool(const fst_flow&)>& is_it) const {
    for (std::uint32_t slot = 0; slot < slots(); slot++) {
        const std::optional<fst_flow> candidate = flow(slot);
        if (candidate && is_it(*candidate)) {
            return slot;
        }
    }
    return std::nullopt;
}

}  // namespace flowstamp::testing
