// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/output/event.h"

namespace flowstamp::output {

/// A flow as it stands, in a few lines: who, where, its state, and for each direction what it sent,
/// from how far, and its latest stamps.
[[nodiscard]] std::string open_flow_text(const OpenFlow& flow);

/// "process 12: [R.] from 3 hops away with IP-ID 0x3412, learned ..., last seen ...".
[[nodiscard]] std::string learned_text(const LearnedEntry& entry);

}  // namespace flowstamp::output
