// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "flowstamp/hops.h"
#include "user/net/endpoint.h"

namespace flowstamp::net {

namespace {

struct FlagName {
    std::uint8_t bit;
    char letter;
};

constexpr std::array kFlagNames = {
    FlagName{FST_TCP_SYN, 'S'}, FlagName{FST_TCP_FIN, 'F'}, FlagName{FST_TCP_RST, 'R'},
    FlagName{FST_TCP_PSH, 'P'}, FlagName{FST_TCP_URG, 'U'}, FlagName{FST_TCP_ECE, 'E'},
    FlagName{FST_TCP_CWR, 'W'}, FlagName{FST_TCP_ACK, '.'},
};

bool either(const fst_flow& flow, std::uint32_t bit) {
    return flow.state & (FST_OF(bit, 0) | FST_OF(bit, 1));
}
bool both(const fst_flow& flow, std::uint32_t bit) {
    const std::uint32_t bits = FST_OF(bit, 0) | FST_OF(bit, 1);
    return (flow.state & bits) == bits;
}

}  // namespace

std::string_view id_class_name(std::uint8_t id_class) {
    switch (id_class) {
        case FST_ID_ZERO:
            return "zero";
        case FST_ID_CONSTANT:
            return "constant";
        case FST_ID_FLOW:
            return "per-flow";
        case FST_ID_GLOBAL:
            return "global";
        case FST_ID_RANDOM:
            return "random";
        default:
            return "unknown";
    }
}

FlowState state_of(const fst_flow& flow) {
    if (either(flow, FST_FLOW_RST)) {
        return FlowState::reset;
    }
    if (both(flow, FST_FLOW_FIN)) {
        return FlowState::closed;
    }
    if (either(flow, FST_FLOW_FIN)) {
        return FlowState::closing;
    }
    if (flow.state & FST_FLOW_ESTABLISHED) {
        return FlowState::established;
    }
    if (either(flow, FST_FLOW_SYN_ACK)) {
        return FlowState::syn_received;
    }
    return either(flow, FST_FLOW_SYN) ? FlowState::syn_sent : FlowState::midway;
}

std::string_view state_name(FlowState state) {
    static constexpr std::array<std::string_view, kFlowStates> kNames = {
        "midway", "syn-sent", "syn-received", "established", "closing", "closed", "reset"};
    return kNames[static_cast<std::size_t>(state)];
}

std::string_view state_name(const fst_flow& flow) {
    return state_name(state_of(flow));
}

std::string protocol_name(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "TCP";
        case IPPROTO_UDP:
            return "UDP";
        case IPPROTO_ICMP:
            return "ICMP";
        case IPPROTO_ICMPV6:
            return "IPv6-ICMP";
        default:
            return std::to_string(protocol);
    }
}

std::string mac_text(std::span<const std::uint8_t, 6> mac) {
    return fmt::format("{:02x}", fmt::join(mac, ":"));
}

std::string tcp_flags_short(std::uint8_t flags) {
    std::string text;
    for (const FlagName& flag : kFlagNames) {
        if (flags & flag.bit) {
            text += flag.letter;
        }
    }
    return text.empty() ? "none" : text;
}

std::string ttl_text(std::uint8_t ttl) {
    return ttls_text(std::span(&ttl, 1));
}

std::string ttls_text(std::span<const std::uint8_t> ttls) {
    std::vector<std::string> hops;
    for (const std::uint8_t ttl : ttls) {
        hops.push_back(fst_hops(ttl) > FST_HOPS_MAX ? "?" : std::to_string(fst_hops(ttl)));
    }
    const bool is_one_hop = hops.size() == 1 && hops.front() == "1";
    return fmt::format("{} ({} hop{})", fmt::join(ttls, ", "), fmt::join(hops, ", "),
                       is_one_hop ? "" : "s");
}

std::string ttl_set_text(const fst_direction& direction) {
    std::vector<std::uint8_t> ttls;
    std::ranges::copy_if(direction.ttl, std::back_inserter(ttls),
                         [](std::uint8_t ttl) { return ttl != 0; });
    return ttls.empty() ? "" : ttls_text(ttls);
}

unsigned opener_of(const fst_flow& flow) {
    for (const unsigned end : {0U, 1U}) {
        if (flow.state & FST_OF(FST_FLOW_SYN, end)) {
            return end;
        }
    }
    return end_of(flow.key, 0).port >= end_of(flow.key, 1).port ? 0 : 1;
}

}  // namespace flowstamp::net
