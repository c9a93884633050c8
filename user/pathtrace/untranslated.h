// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/pathtrace/packet_path.h"

namespace flowstamp::pathtrace {

/// Whether a packet left through an interface and the kernel translated nothing of it. A NAT rule acts on
/// a connection's first packet alone; the others are translated by their conntrack entry.
[[nodiscard]] bool left_untranslated(const PacketPath& path);

/// Why it was not translated, as the kernel's own state of the packet shows: a clause.
[[nodiscard]] std::string why_untranslated(const PacketPath& path);

}  // namespace flowstamp::pathtrace
