// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

namespace flowstamp::packaging {

/// The lists of flowstamp-findings(7), as items of scdoc(5), from the same .def files as the program and
/// docs/findings.md: kinds.def, causes.def, signals.def.
[[nodiscard]] std::string kinds_section();
[[nodiscard]] std::string causes_section();
[[nodiscard]] std::string evidence_section();

}  // namespace flowstamp::packaging
