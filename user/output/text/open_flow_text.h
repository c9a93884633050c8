// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/output/event.h"

namespace flowstamp::output {

/// A flow's current state in a few lines: endpoints, interface, state, and for each direction its
/// packets, TTLs with hops, and latest stamps.
[[nodiscard]] std::string open_flow_text(const OpenFlow& flow);

/// "process 12: [R.] from 3 hops away with IP-ID 0x3412, learned ..., last seen ...".
[[nodiscard]] std::string learned_text(const LearnedEntry& entry);

}  // namespace flowstamp::output
