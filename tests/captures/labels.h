// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flowstamp::testing {

/// A line of LABELS.tsv: what somebody knows of some frames of a capture.
struct Label {
    std::string file;                   ///< from the folder of captures
    std::string kind;                   ///< the label's first word: "forged_rst"
    std::string text;                   ///< the whole label
    std::vector<std::uint64_t> frames;  ///< empty: every frame
};

/// The folder of captures, with a slash behind it; nothing where it is absent.
[[nodiscard]] std::optional<std::string> captures_folder();

/// LABELS.tsv of that folder. Throws std::runtime_error where a line cannot be understood.
[[nodiscard]] std::vector<Label> read_labels(const std::string& folder);

/// Every capture of the folder, by its path from there.
[[nodiscard]] std::vector<std::string> list_captures(const std::string& folder);

}  // namespace flowstamp::testing
