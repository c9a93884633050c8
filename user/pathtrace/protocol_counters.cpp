// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/protocol_counters.h"

#include <netinet/in.h>

#include <charconv>
#include <sstream>
#include <system_error>

namespace flowstamp::pathtrace {

namespace {

void add(const std::string& name, const std::string& value, ProtocolCounters& counters) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size()) {
        counters[name] = number;
    }
}

std::uint64_t value_of(const ProtocolCounters& counters, const std::string& name) {
    const auto found = counters.find(name);
    return found == counters.end() ? 0 : found->second;
}

}  // namespace

void add_counters(std::string_view text, ProtocolCounters& counters) {
    std::istringstream lines{std::string(text)};
    for (std::string names, values; std::getline(lines, names) && std::getline(lines, values);) {
        std::istringstream name_words(names), value_words(values);
        std::string protocol, same;
        name_words >> protocol;
        value_words >> same;
        if (!protocol.ends_with(':') || same != protocol) {
            return;
        }
        protocol.pop_back();
        for (std::string name, value; name_words >> name && value_words >> value;) {
            add(protocol + name, value, counters);
        }
    }
}

void add_counters_by_line(std::string_view text, ProtocolCounters& counters) {
    std::istringstream words{std::string(text)};
    for (std::string name, value; words >> name >> value;) {
        add(name, value, counters);
    }
}

std::vector<std::string> counters_named_in(std::string_view commands) {
    constexpr std::string_view nstat = "nstat -az ";
    std::vector<std::string> names;
    const std::size_t at = commands.find(nstat);
    if (at == std::string_view::npos) {
        return names;
    }
    const std::string_view rest = commands.substr(at + nstat.size());
    std::istringstream words{std::string(rest.substr(0, rest.find(';')))};
    for (std::string name; words >> name;) {
        if (!name.contains('*')) {
            names.push_back(name);
        }
    }
    return names;
}

bool counts_protocol(std::string_view name, std::uint8_t protocol) {
    // TcpExt has counters of all protocols, such as TcpExtIPReversePathFilter.
    const bool is_of_tcp = name.starts_with("Tcp") && !name.starts_with("TcpExt");
    const bool is_of_udp = name.starts_with("Udp") && !name.starts_with("UdpLite");
    return (!is_of_tcp || protocol == IPPROTO_TCP) && (!is_of_udp || protocol == IPPROTO_UDP);
}

std::optional<CounterIncrease> moved_counter(const std::vector<std::string>& names,
                                             const ProtocolCounters& before,
                                             const ProtocolCounters& now) {
    std::optional<CounterIncrease> found;
    for (const std::string& name : names) {
        const std::uint64_t then = value_of(before, name), current = value_of(now, name);
        if (current <= then) {
            continue;
        }
        if (found) {
            return std::nullopt;
        }
        found = {.name = name, .by = current - then, .shown_by = "nstat -az " + name};
    }
    return found;
}

}  // namespace flowstamp::pathtrace
