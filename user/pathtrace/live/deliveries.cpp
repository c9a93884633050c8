// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/deliveries.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/live/read_protocol_counters.h"
#include "user/pathtrace/live/route_lookup.h"
#include "user/pathtrace/live/socket_lookup.h"
#include "user/pathtrace/path_report.h"

namespace flowstamp::pathtrace {

namespace {

constexpr std::size_t kMostRemembered = 65536;

std::uint64_t read_listen_overflows() {
    return read_protocol_counters()["TcpExtListenOverflows"];
}

struct WayBack {
    DeliveryFacts::Way way = DeliveryFacts::Way::unknown;
    std::uint32_t ifindex_out = 0;
};

/// Whether routes to the address alone refuse it. With a source, EINVAL may mean that this is none.
bool is_refused(const RouteQuestion& question) {
    static constexpr __be32 kAny[4] = {};
    const RouteQuestion anyway{.to = question.to,
                               .from = kAny,
                               .mark = question.mark,
                               .ifindex_out = question.ifindex_out};
    const auto route = find_route(anyway);
    return !route && route.error().errno_value == EINVAL;
}

/// Such an address is one of a link.
bool is_link_local(const __be32 (&address)[4]) {
    return (address[0] & htonl(0xffc00000)) == htonl(0xfe800000);
}

WayBack ask_way(const fst_path_event& event, std::uint32_t mark, std::uint32_t bound_to) {
    const RouteQuestion question{.to = event.tuple.source,
                                 .from = event.tuple.destination,
                                 .mark = mark,
                                 .ifindex_out = bound_to == 0 && is_link_local(event.tuple.source)
                                                    ? event.ifindex_in
                                                    : bound_to};
    const auto route = find_route(question);
    if (route) {
        return {DeliveryFacts::Way::found, route->ifindex_out};
    }
    switch (route.error().errno_value) {
        case ENETUNREACH:
        case EHOSTUNREACH:
            return {DeliveryFacts::Way::none, 0};
        case EACCES:
            return {DeliveryFacts::Way::refused, 0};
        case EINVAL:
            return {
                is_refused(question) ? DeliveryFacts::Way::refused : DeliveryFacts::Way::unknown,
                0};
        default:
            return {};
    }
}

/// Answers may have the packet's mark or none (net.ipv4.tcp_fwmark_accept, fwmark_reflect): only what
/// both say counts.
WayBack find_way_back(const fst_path_event& event, std::uint32_t bound_to) {
    const WayBack unmarked = ask_way(event, 0, bound_to);
    if (event.mark == 0) {
        return unmarked;
    }
    const WayBack marked = ask_way(event, event.mark, bound_to);
    const bool is_same = marked.way == unmarked.way && marked.ifindex_out == unmarked.ifindex_out;
    return is_same ? marked : WayBack{};
}

bool can_be_asked_for(const fst_path_event& event) {
    return (event.tuple.protocol == IPPROTO_TCP || event.tuple.protocol == IPPROTO_UDP) &&
           event.tuple.destination_port != 0 &&
           (event.flags & (FST_PATH_FRAGMENT | FST_PATH_NO_PORTS)) == 0;
}

}  // namespace

Deliveries::Deliveries() : overflows_before_(read_listen_overflows()) {}

std::set<FlowEnd> Deliveries::take_due(Nanoseconds now) {
    std::set<FlowEnd> due;
    while (!waiting_.empty() && waiting_.front().first <= now) {
        if (budget_.take(now)) {
            due.insert(waiting_.front().second);
        }
        waiting_.pop_front();
    }
    return due;
}

DeliveryFacts Deliveries::facts_of(const PacketPath& path, bool is_answered) {
    const fst_path_event& event = path.last();
    DeliveryFacts facts{.is_answered = is_answered,
                        .is_tcp = event.tuple.protocol == IPPROTO_TCP,
                        .socket = find_socket(event.tuple, event.ifindex_in),
                        .came_in = interface_name(event.ifindex_in),
                        .source = source_of(event.tuple).ip_text(),
                        .local = destination_of(event.tuple).ip_text(),
                        .port = destination_of(event.tuple).port};
    if (!is_answered) {
        const std::uint64_t now = read_listen_overflows();
        facts.overflows = now > overflows_before_ ? now - overflows_before_ : 0;
        const WayBack back = find_way_back(event, facts.socket ? facts.socket->bound_to : 0);
        facts.way_back = back.way;
        facts.way_out = interface_name(back.ifindex_out);
        // A bridge, or a VRF, and what is in it: it came in through both.
        if (std::ranges::any_of(path.stations, [&](const fst_path_event& station) {
                return station.netns == event.netns && station.ifindex_in == back.ifindex_out;
            })) {
            facts.came_in = facts.way_out;
        }
    }
    return facts;
}

std::optional<Delivery> Deliveries::look_behind(const PacketPath& path, bool is_answered,
                                                Nanoseconds now) {
    const fst_path_event& event = path.last();
    if (!can_be_asked_for(event) || (is_answered && event.tuple.protocol != IPPROTO_TCP)) {
        return std::nullopt;
    }
    const DeliveryFacts facts = facts_of(path, is_answered);
    std::optional<Delivery> delivery = explain_delivery(facts);
    if (delivery && facts.socket) {
        delivery->processes = holders_.of(facts.socket->inode, now);
    }
    return delivery;
}

bool Deliveries::is_news(const FlowEnd& whose, const Delivery& delivery) {
    if (told_.size() >= kMostRemembered) {
        told_.clear();
    }
    const auto [told, is_new] = told_.try_emplace(whose, delivery);
    if (!is_new && told->second == delivery) {
        return false;
    }
    told->second = delivery;
    return true;
}

}  // namespace flowstamp::pathtrace
