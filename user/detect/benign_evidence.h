// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "user/detect/evidence.h"
#include "user/detect/reset_cause.h"

namespace flowstamp {

/// What speaks for a RST that is held to be genuine, besides the kernel's vouchers: facts, each in
/// words. That its sender upheld it when asked comes first.
[[nodiscard]] std::vector<Evidence> benign_evidence(const fs_packet& rst,
                                                    const fs_judgement& judgement,
                                                    const fs_flow& slot, const ResetPast& past);

}  // namespace flowstamp
