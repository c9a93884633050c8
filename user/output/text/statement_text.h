// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

#include "user/analysis/finding.h"

namespace flowstamp::output {

/// The pattern of a sentence, from phrases.def.
[[nodiscard]] std::string_view pattern_of(analysis::Phrase phrase);

/// One sentence with its values.
[[nodiscard]] std::string text_of(const analysis::Statement& statement);

/// A finding's summary: its sentences, joined by spaces.
[[nodiscard]] std::string summary_text(const analysis::Finding& finding);

/// What to do next, in one line; empty if there is nothing to do.
[[nodiscard]] std::string advice_text(const analysis::Finding& finding);

}  // namespace flowstamp::output
