// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/kernel_drops.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>

#include "user/base/fd.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/attach/tc_filters.h"
#include "user/kernel/features/bpf_objects.h"
#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/live/queue_counters.h"
#include "user/pathtrace/live/read_protocol_counters.h"
#include "user/pathtrace/live/route_lookup.h"
#include "user/pathtrace/path_tuple.h"

namespace flowstamp::pathtrace {

namespace {

/// Our stations ("flowstamp_tc_3") drop nothing; a watch ("flowstamp_tc_egress") may.
bool is_station(std::string_view program) {
    constexpr std::string_view prefix = "flowstamp_tc_";
    return program.starts_with(prefix) && program.size() > prefix.size() &&
           program[prefix.size()] >= '0' && program[prefix.size()] <= '9';
}

std::optional<std::uint32_t> mtu_of(const std::string& interface) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    if (!socket || ::ioctl(socket.get(), SIOCGIFMTU, &request) != 0) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(request.ifr_mtu);
}

/// There the buffer begins with the IP header.
bool is_in_forwarding(const std::string& location) {
    return location.starts_with("ip_forward+") || location.starts_with("ip6_forward+");
}

void explain_size(PathReport::Drop& drop, const fst_path_event& event) {
    if (event.segments > 1 || !is_in_forwarding(drop.location)) {
        return;
    }
    const auto route = find_route({.to = event.tuple.destination,
                                   .from = event.tuple.source,
                                   .mark = event.mark,
                                   .ifindex_in = event.ifindex_out});
    const std::string out = route ? interface_name(route->ifindex_out) : "";
    const std::optional<std::uint32_t> its = out.empty() ? std::nullopt : mtu_of(out);
    if (!its) {
        return;
    }
    const bool is_of_route = route->mtu != 0 && route->mtu < *its;
    const std::uint32_t mtu = is_of_route ? route->mtu : *its;
    if (event.length <= mtu) {
        return;  // it has been changed meanwhile
    }
    drop.words.words =
        fmt::format("it has {} bytes and must not be fragmented, and the MTU of {} is {}",
                    event.length, is_of_route ? "the route through " + out : out, mtu);
    drop.words.look_at =
        fmt::format("{}; or smaller packets: {}",
                    is_of_route ? "ip route get " + destination_of(event.tuple).ip_text()
                                : fmt::format("ip link set dev {} mtu {}", out, event.length),
                    event.tuple.protocol == IPPROTO_TCP
                        ? "TCPMSS --clamp-mss-to-pmtu, or nft's tcp option maxseg size set rt mtu"
                        : "a smaller MTU at the sender");
}

/// The kernel has one reason for what it may not forward, and for addresses that no host has.
void explain_forwarding(PathReport::Drop& drop, const fst_path_event& event,
                        const std::string& interface) {
    const bool is_v4 = is_ipv4(event.tuple.source);
    const std::string path = is_v4 ? "/proc/sys/net/ipv4/conf/" + interface + "/forwarding"
                                   : std::string("/proc/sys/net/ipv6/conf/all/forwarding");
    char value = '1';
    if (!(std::ifstream(path) >> value) || value != '0') {
        return;
    }
    drop.words.words = is_v4 ? fmt::format(
                                   "this host does not forward what comes in by {}: "
                                   "forwarding is off",
                                   interface)
                             : "this host does not forward IPv6: forwarding is off";
    drop.words.look_at =
        is_v4 ? fmt::format("sysctl net.ipv4.ip_forward net.ipv4.conf.{}.forwarding", interface)
              : "sysctl net.ipv6.conf.all.forwarding";
}

/// Generic XDP frees what its program drops without a reason.
bool is_by_xdp(const PathReport::Drop& drop) {
    return drop.reason == "XDP" || (drop.reason == "NOT_SPECIFIED" &&
                                    (drop.location.starts_with("do_xdp_generic+") ||
                                     drop.location.starts_with("bpf_prog_run_generic_xdp+")));
}

void explain_xdp(PathReport::Drop& drop, const fst_path_event& event,
                 const std::string& interface) {
    const auto state = kernel::xdp_state(event.ifindex_out);
    if (state && state->program_id != 0) {
        drop.words.words = fmt::format("the XDP program of {} dropped it: {}", interface,
                                       kernel::program_text(state->program_id));
        drop.words.look_at = fmt::format("bpftool prog show id {}; ip link show dev {}",
                                         state->program_id, interface);
    }
}

/// The programs and filters that others have at one of an interface's tc hooks.
std::vector<std::string> others_at_tc(std::uint32_t ifindex, bool is_ingress) {
    std::vector<std::string> others;
    for (const std::uint32_t id :
         kernel::tcx_programs(ifindex, is_ingress ? BPF_TCX_INGRESS : BPF_TCX_EGRESS)) {
        if (!is_station(kernel::program_name(id))) {
            others.push_back("program " + kernel::program_text(id));
        }
    }
    const auto filters = kernel::tc_filters(
        ifindex, is_ingress ? kernel::TcDirection::ingress : kernel::TcDirection::egress);
    for (const kernel::TcFilter& filter : filters.value_or(std::vector<kernel::TcFilter>())) {
        if (!is_station(filter.name)) {
            others.push_back(fmt::format("filter pref {} handle {:#x}{}", filter.priority,
                                         filter.handle,
                                         filter.name.empty() ? "" : " " + filter.name));
        }
    }
    return others;
}

void explain_tc(PathReport::Drop& drop, const fst_path_event& event, const std::string& interface) {
    const bool is_ingress = drop.reason == "TC_INGRESS";
    const auto others = others_at_tc(event.ifindex_out, is_ingress);
    if (others.size() == 1) {
        drop.words.words += fmt::format(": {}'s {}, the only one at tc {}", interface,
                                        others.front(), is_ingress ? "ingress" : "egress");
    } else if (!others.empty()) {
        drop.words.words += fmt::format(": one of {}", fmt::join(others, ", "));
    }
}

}  // namespace

KernelDrops::KernelDrops(const Clock& clock)
    : clock_(clock),
      queues_{.before = read_queues()},
      counters_{.before = read_protocol_counters()} {}

template <class Counters>
bool KernelDrops::are_read_since(const fst_path_event& drop, Readings<Counters>& readings,
                                 Counters (*read)()) {
    if (Nanoseconds(static_cast<std::int64_t>(drop.time_ns)) < readings.at) {
        return true;
    }
    const Nanoseconds now = clock_.monotonic();
    if (!budget_.take(now)) {
        return false;
    }
    readings.now = read();
    readings.at = now;
    return true;
}

void KernelDrops::explain_counter(PathReport::Drop& drop, const fst_path_event& event) {
    auto names = counters_named_in(drop.words.look_at);
    std::erase_if(names, [&](const std::string& name) {
        return !counts_protocol(name, event.tuple.protocol);
    });
    if (!names.empty() && !drop.counter &&
        are_read_since(event, counters_, read_protocol_counters)) {
        drop.counter = moved_counter(names, counters_.before, counters_.now);
    }
}

void KernelDrops::explain_queue(PathReport::Drop& drop, const fst_path_event& event,
                                const std::string& interface) {
    if (are_read_since(event, queues_, read_queues)) {
        explain_queue_drop(drop, interface, event.ifindex_out, queues_.before, queues_.now);
    }
}

void KernelDrops::explain(PathReport::Drop& drop, const fst_path_event& event,
                          const std::string& interface) {
    if (drop.reason == "NETFILTER_DROP") {
        return;
    }
    explain_counter(drop, event);
    if (interface.empty()) {
        return;
    }
    if (is_queue_drop(drop.reason)) {
        return explain_queue(drop, event, interface);
    }
    const auto may_ask = [&] { return budget_.take(clock_.monotonic()); };
    if (drop.reason == "IP_INADDRERRORS" && may_ask()) {
        explain_forwarding(drop, event, interface);
    } else if (drop.reason == "PKT_TOO_BIG" && may_ask()) {
        explain_size(drop, event);
    } else if (is_by_xdp(drop) && may_ask()) {
        explain_xdp(drop, event, interface);
    } else if ((drop.reason == "TC_INGRESS" || drop.reason == "TC_EGRESS") && may_ask()) {
        explain_tc(drop, event, interface);
    }
}

bool was_done_with(const fst_path_event& drop) {
    if (drop.place != FST_PLACE_INPUT) {
        return false;
    }
    const std::string reason = drop_reason_name(drop.drop_reason);
    if (reason == "NOT_SPECIFIED") {
        const std::string location = code_name(drop.location);
        return location.starts_with("udp_destruct_") ||
               (location.starts_with("tcp_rcv_state_process+") &&
                (drop.tcp_flags & FST_TCP_ACK) != 0);
    }
    return reason == "QUEUE_PURGE" || reason == "TCP_OLD_SEQUENCE" || reason == "TCP_OLD_DATA" ||
           (reason == "TCP_CLOSE" && (drop.tcp_flags & FST_TCP_RST) != 0);
}

bool says_too_big(const fst_path_event& event) {
    return (event.tuple.protocol == IPPROTO_ICMP && event.icmp_type == ICMP_DEST_UNREACH &&
            event.icmp_code == ICMP_FRAG_NEEDED) ||
           (event.tuple.protocol == IPPROTO_ICMPV6 && event.icmp_type == ICMP6_PACKET_TOO_BIG);
}

}  // namespace flowstamp::pathtrace
