// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flowstamp::testing {

/// A line of LABELS.tsv: what is known about some frames of a capture.
struct Label {
    std::string file;                   ///< relative to the folder of captures
    std::string kind;                   ///< the label's first word: "forged_rst"
    std::string text;                   ///< the whole label
    std::vector<std::uint64_t> frames;  ///< empty: every frame
};

/// The folder of captures, with a trailing slash; nullopt if absent.
[[nodiscard]] std::optional<std::string> captures_folder();

/// LABELS.tsv of that folder. Throws std::runtime_error if a line cannot be parsed.
[[nodiscard]] std::vector<Label> read_labels(const std::string& folder);

/// The captures of the folder, as paths relative to it.
[[nodiscard]] std::vector<std::string> list_captures(const std::string& folder);

}  // namespace flowstamp::testing
