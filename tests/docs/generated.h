// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The parts of docs/ that are generated from the lists of signals, causes, kinds of findings, fields
// and metrics in the sources.
#pragma once

#include <string>

namespace flowstamp::docs {

/// docs/events.schema.json with its generated parts as they should be: the enums of signals,
/// strengths, causes and kinds, and the properties of $defs/values. Throws
/// nlohmann::json::exception if `current` is no such schema.
[[nodiscard]] std::string schema(const std::string& current);

/// docs/findings.md with its generated tables as they should be: each between "<!-- generated: NAME
/// -->" and "<!-- end -->". Throws std::invalid_argument if the marks of one are missing.
[[nodiscard]] std::string findings(const std::string& current);

/// docs/metrics.md, in the same way.
[[nodiscard]] std::string metrics(const std::string& current);

}  // namespace flowstamp::docs
