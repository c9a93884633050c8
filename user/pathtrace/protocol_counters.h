// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The protocols' counters, by nstat's names: "TcpExtListenOverflows", "UdpRcvbufErrors".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/pathtrace/path_report.h"

namespace flowstamp::pathtrace {

using ProtocolCounters = std::map<std::string, std::uint64_t, std::less<>>;

/// Adds those of /proc/net/snmp or /proc/net/netstat: pairs of lines, of names and of values, which
/// begin with the protocol's name. Negative values (limits) are left out.
void add_counters(std::string_view text, ProtocolCounters& counters);
/// Adds those of /proc/net/snmp6: a name and a value on each line.
void add_counters_by_line(std::string_view text, ProtocolCounters& counters);

/// The counters that commands name: "nstat -az UdpNoPorts Udp6NoPorts; ss -lntu". None by a pattern.
[[nodiscard]] std::vector<std::string> counters_named_in(std::string_view commands);

/// Whether a counter may count a packet of this protocol (IPPROTO_*): "UdpNoPorts" counts no TCP.
[[nodiscard]] bool counts_protocol(std::string_view name, std::uint8_t protocol);

/// The only one of those that moved; nothing if none did, or several.
[[nodiscard]] std::optional<CounterIncrease> moved_counter(const std::vector<std::string>& names,
                                                           const ProtocolCounters& before,
                                                           const ProtocolCounters& now);

}  // namespace flowstamp::pathtrace
