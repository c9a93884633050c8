// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "flowstamp/policy.h"

namespace flowstamp::output {

/// "[R.] from 3 hops away with IP-ID 0x3412".
[[nodiscard]] std::string signature_text(const fst_learned_signature& signature);

}  // namespace flowstamp::output
