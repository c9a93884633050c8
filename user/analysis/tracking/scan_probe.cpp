// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/scan_probe.h"

namespace flowstamp::analysis {

namespace {

constexpr std::uint16_t kZmapId = 54321;
constexpr std::uint16_t kSmallWindow = 1024;
constexpr std::uint16_t kEthernetMss = 1460;
constexpr std::uint16_t kHeaderWithMssOnly = 24;

}  // namespace

ScanProbe scan_probe(const fst_packet& syn) {
    if (syn.flags & FST_PACKET_CUT) {
        return ScanProbe::none;  // the bytes that were cut off may have been options
    }
    const bool only_mss = (syn.flags & FST_PACKET_MSS) && syn.tcp_header == kHeaderWithMssOnly;
    const bool bare = !(syn.flags & FST_PACKET_OPTIONS);
    if (!(syn.flags & FST_PACKET_IPV6) && syn.ip_id == kZmapId && (bare || only_mss)) {
        return ScanProbe::zmap;
    }
    if (only_mss && syn.mss == kEthernetMss && syn.window == kSmallWindow &&
        !(syn.flags & FST_PACKET_DF)) {
        return ScanProbe::small;
    }
    return bare ? ScanProbe::no_options : ScanProbe::none;
}

std::string_view name_of(ScanProbe probe) {
    switch (probe) {
        case ScanProbe::zmap:
            return "zmap";
        case ScanProbe::small:
            return "nmap-or-masscan";
        case ScanProbe::no_options:
            return "no-options";
        case ScanProbe::none:
            break;
    }
    return "none";
}

}  // namespace flowstamp::analysis
