// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/locate/wanted_flow.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "user/analysis/finding.h"
#include "user/net/identity.h"

namespace flowstamp::cmd {

namespace {

using Json = nlohmann::json;

std::optional<net::Endpoint> endpoint_of(std::string address, std::uint16_t port) {
    net::Endpoint end{.port = port};
    if (address.find(':') == std::string::npos) {
        address = "::ffff:" + address;
    }
    return ::inet_pton(AF_INET6, address.c_str(), end.address.data()) == 1 ? std::optional(end)
                                                                           : std::nullopt;
}

/// "198.51.100.7:443", "[2001:db8::7]:443".
std::optional<net::Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.find_last_of(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    } else if (address.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
    return error == std::errc{} && stop == end ? endpoint_of(std::string(address), port)
                                               : std::nullopt;
}

bool is_forged_reset(const Json& event) {
    return event["finding"].value("kind", Json()) ==
           Json(analysis::name_of(analysis::FindingKind::forged_rst));
}

/// Calls `visit(event)` for each finding in the JSON lines `log`.
template <class Visit>
void each_finding(std::istream& log, const Visit& visit) {
    for (std::string line; std::getline(log, line);) {
        if (line.find("\"finding\"") == std::string::npos) {
            continue;  // parsing each line of a long log would take long
        }
        const Json event = Json::parse(line, nullptr, false);
        if (event.is_object() && event.value("event_type", Json()) == "finding" &&
            event.value("finding", Json()).is_object()) {
            visit(event);
        }
    }
}

/// The finding's flow and reset; nothing if the event lacks them.
std::optional<WantedFlow> flow_of(const Json& event) {
    try {
        const auto from = endpoint_of(event.at("src_ip"), event.at("src_port"));
        const auto to = endpoint_of(event.at("dest_ip"), event.at("dest_port"));
        const Json& packet = event.at("packet");
        const int ttl = packet.contains("ttl") ? packet["ttl"] : packet.at("hoplimit");
        if (from && to && ttl > 0 && ttl <= UINT8_MAX) {
            return WantedFlow{.name = WantedFlow::Ends{*from, *to},
                              .reset_ttl = static_cast<std::uint8_t>(ttl)};
        }
    } catch (const Json::exception&) {  // a member is missing, or of another type
    }
    return std::nullopt;
}

std::unexpected<Error> refused(std::string object, std::string reason, std::string hint) {
    return fail({.operation = "locate",
                 .object = std::move(object),
                 .reason = std::move(reason),
                 .hint = std::move(hint)});
}

}  // namespace

bool WantedFlow::matches(const fst_flow_key& key) const {
    if (const auto* id = std::get_if<std::string>(&name)) {
        return net::community_id(key) == *id;
    }
    const auto& [one, other] = std::get<Ends>(name);
    const net::Endpoint a = net::end_of(key, 0), b = net::end_of(key, 1);
    return (one == a && other == b) || (one == b && other == a);
}

Result<WantedFlow> parse_flow(const std::string& text) {
    if (text.starts_with("1:") && text.find(' ') == std::string::npos) {
        return WantedFlow{.name = text};
    }
    std::string spaced = text;
    std::ranges::replace_if(spaced, [](char c) { return c == '>' || c == '-'; }, ' ');
    std::istringstream words(spaced);
    std::vector<net::Endpoint> ends;
    for (std::string word; words >> word;) {
        const auto end = parse_endpoint(word);
        if (!end || ends.size() == 2) {
            ends.clear();
            break;
        }
        ends.push_back(*end);
    }
    if (ends.size() != 2) {
        return refused("'" + text + "'", "it names no connection",
                       "write ADDRESS:PORT > ADDRESS:PORT, IPv6 as [ADDRESS]:PORT, or its "
                       "community_id");
    }
    return WantedFlow{.name = WantedFlow::Ends{ends[0], ends[1]}};
}

Result<WantedFlow> flow_of_finding(std::istream& log, std::uint64_t id, const std::string& name) {
    const std::string object = fmt::format("finding {} in {}", id, name);
    std::optional<Json> found;
    each_finding(log, [&](const Json& event) {
        if (event["finding"].value("id", Json()) == id) {
            found = event;
        }
    });
    if (!found) {
        return refused(object, "there is none", "give the finding.id of a line of that log");
    }
    if (!is_forged_reset(*found)) {
        return refused(object, "it is about no forged reset",
                       "choose a finding of the kind forged-rst");
    }
    const auto flow = flow_of(*found);
    return flow ? Result<WantedFlow>(*flow)
                : refused(object, "it lacks its connection or its TTL",
                          "give what watch --log or --json has written");
}

std::optional<std::uint8_t> forged_reset_ttl(std::istream& log, const WantedFlow::Ends& ends) {
    std::optional<std::uint8_t> latest;
    each_finding(log, [&](const Json& event) {
        const auto flow = is_forged_reset(event) ? flow_of(event) : std::nullopt;
        if (flow && std::get<WantedFlow::Ends>(flow->name) == ends) {
            latest = flow->reset_ttl;
        }
    });
    return latest;
}

}  // namespace flowstamp::cmd
