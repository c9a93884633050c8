// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string_view>

namespace flowstamp::output {

/// File formats for packet stamps.
enum class StampForm { pcapng, json_lines };

/// By the file name's extension: .pcapng; .json, .jsonl or .ndjson. Nothing for any other.
[[nodiscard]] std::optional<StampForm> stamp_form(std::string_view path);

}  // namespace flowstamp::output
