// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <string_view>

#include "flowstamp/packet.h"

namespace flowstamp::analysis {

/// What made a SYN. A scanner builds its SYNs itself; its kernel, which does not know them, resets
/// the answers.
enum class ScanProbe : std::uint8_t {
    none,        ///< a TCP stack, or not recognized
    zmap,        ///< IP-ID 54321 (ZMap, src/probe_modules/packet.c), no options but an MSS
    small,       ///< window 1024, an MSS of 1460 and nothing else, no DF: Nmap (tcp_syn scan),
                 ///< masscan (its default TCP template)
    no_options,  ///< not even an MSS, which every stack announces (RFC 9293, section 3.7.1)
};

/// Of a packet with SYN and without ACK.
[[nodiscard]] ScanProbe scan_probe(const fst_packet& syn);

/// "zmap", "nmap-or-masscan", "no-options"; "none".
[[nodiscard]] std::string_view name_of(ScanProbe probe);

}  // namespace flowstamp::analysis
