// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/pathtrace/protocol_counters.h"

namespace flowstamp::pathtrace {

/// Of the calling thread's network namespace: /proc/net/snmp, snmp6 and netstat. Files that cannot be
/// read add none.
[[nodiscard]] ProtocolCounters read_protocol_counters();

}  // namespace flowstamp::pathtrace
