// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <vector>

#include "user/analysis/reset/evidence.h"
#include "user/analysis/reset/reset_cause.h"

namespace flowstamp::analysis {

/// Evidence for a RST that is judged genuine, besides the kernel's signals. That its sender upheld
/// it when challenged comes first.
[[nodiscard]] std::vector<Evidence> benign_evidence(const fst_packet& rst,
                                                    const fst_judgement& judgement,
                                                    const fst_flow& slot, const ResetPast& past);

}  // namespace flowstamp::analysis
