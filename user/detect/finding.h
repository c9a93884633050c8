// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flowstamp/event.h"
#include "user/base/clock.h"
#include "user/detect/evidence.h"

namespace flowstamp {

/// The packet that an event is about: what it was, where and when it was seen.
struct Sighting {
    fs_packet packet{};
    std::uint64_t flow_id = 0;
    std::optional<std::uint64_t> isn_id{};
    std::string interface{};
    Nanoseconds wall{0};  ///< since 1970
    std::optional<std::uint64_t> frame{};
};

/// A RST and what is thought of it. Told when it came, and again with the same id when its verdict
/// or the answer to its challenge changes.
struct Reset {
    std::uint64_t id = 0;  ///< from 1, unique in a run
    bool again = false;    ///< told before: this is news about it
    Sighting sighting{};
    fs_judgement judgement{};  ///< as it stands now
    std::vector<Evidence> evidence{};
    std::optional<std::uint64_t> answers{};  ///< the reset whose challenge this one answers
};

enum class FindingKind { forged_rst };

/// What became of a finding.
enum class Resolution {
    went_on,    ///< the flow outlived it
    ended,      ///< the flow did not
    both_ends,  ///< the far end was reset, too, or has been silent since
    withdrawn,  ///< asked, its sender reset again: genuine after all
};

/// Told when first known, and again with the same id when its verdict rises or it resolves.
struct Finding {
    std::uint64_t id = 0;
    bool again = false;
    FindingKind kind = FindingKind::forged_rst;
    fs_verdict verdict = FS_VERDICT_SUSPECTED;
    fs_action action = FS_ACTION_OBSERVED;
    std::uint32_t resets = 1;  ///< forged ones on this flow from this side so far
    Sighting sighting{};
    std::string summary{};  ///< one sentence, as an engineer would say it
    std::string advice{};   ///< what to do next; may be empty
    std::vector<Evidence> evidence{};
    fs_flow slot{};  ///< the flow as it was when the packet came: its stamps
    std::optional<Resolution> resolution{};
};

[[nodiscard]] std::string_view name_of(FindingKind kind);
[[nodiscard]] std::string_view name_of(Resolution resolution);

}  // namespace flowstamp
