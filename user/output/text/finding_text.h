// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "user/analysis/finding.h"
#include "user/output/style.h"

namespace flowstamp::output {

/// "203.0.113.2:80 > 198.51.100.2:59194": sender and receiver.
[[nodiscard]] std::string flow_text(const fst_packet& packet);

/// "frame 12  "; empty without a capture.
[[nodiscard]] std::string frame_text(const analysis::Sighting& sighting);

/// In the verdict's colour.
[[nodiscard]] std::string painted(fst_verdict verdict, std::string_view text, const Style& style);

/// Titles of evidence: what it shows, and what that is compared with.
[[nodiscard]] std::pair<std::string_view, std::string_view> evidence_titles(
    analysis::FindingKind kind);

/// What is told of a finding below its summary and evidence, a label and a text each: what was done,
/// its outcome, what to do next. `advice`: advice_text().
[[nodiscard]] std::vector<std::pair<std::string_view, std::string>> finding_details(
    const analysis::Finding& finding, const std::string& advice);

/// A finding's evidence, a line each below a headline; empty if it has none. Columns are as wide as
/// their widest cell. The last one, often the longest, is what to compare with: for a reset, its
/// sender's other packets.
[[nodiscard]] std::string evidence_table(const analysis::Finding& finding, const Style& style);

/// A finding whole: headline, summary, `table` (its evidence, or nothing if that is known), and what
/// was done and is to be done. `time`: as text.
[[nodiscard]] std::string finding_text(const analysis::Finding& finding, const Style& style,
                                       std::string_view time, std::string_view table);

}  // namespace flowstamp::output
