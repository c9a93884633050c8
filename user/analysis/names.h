// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The names of the contract's enumerators in JSON.
#pragma once

#include <string_view>

#include "flowstamp/evidence.h"

namespace flowstamp::analysis {

[[nodiscard]] std::string_view name_of(fst_verdict verdict);
[[nodiscard]] std::string_view name_of(fst_cause cause);
[[nodiscard]] std::string_view name_of(fst_action action);
[[nodiscard]] std::string_view name_of(fst_challenge challenge);

}  // namespace flowstamp::analysis
