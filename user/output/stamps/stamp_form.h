// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string_view>

namespace flowstamp::output {

/// How packets' stamps are written to a file.
enum class StampForm { pcapng, json_lines };

/// As the file's name asks for: .pcapng; .json, .jsonl or .ndjson. Nothing of another ending.
[[nodiscard]] std::optional<StampForm> stamp_form(std::string_view path);

}  // namespace flowstamp::output
