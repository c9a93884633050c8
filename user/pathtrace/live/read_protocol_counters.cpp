// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/read_protocol_counters.h"

#include <fstream>
#include <iterator>
#include <string>

namespace flowstamp::pathtrace {

namespace {

std::string read_file(const std::string& name) {
    std::ifstream file("/proc/thread-self/net/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ProtocolCounters read_protocol_counters() {
    ProtocolCounters counters;
    add_counters(read_file("snmp"), counters);
    add_counters(read_file("netstat"), counters);
    add_counters_by_line(read_file("snmp6"), counters);
    return counters;
}

}  // namespace flowstamp::pathtrace
