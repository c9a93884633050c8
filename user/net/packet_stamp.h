// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "flowstamp/packet.h"
#include "flowstamp/stamp_batch.h"

namespace flowstamp::net {

/// The packet that a stamp describes, as far as a stamp records it: no options, MACs or flow label.
[[nodiscard]] fst_packet packet_of(const fst_packet_stamp& stamp);

}  // namespace flowstamp::net
