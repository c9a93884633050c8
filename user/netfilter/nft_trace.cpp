// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_trace.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace flowstamp::netfilter {
namespace {

using namespace std::chrono_literals;

bool is_any(const net::PacketMatch::Net& net) {
    return std::ranges::all_of(net.mask, [](std::uint8_t byte) { return byte == 0; });
}

bool is_whole(const net::PacketMatch::Net& net, std::size_t from) {
    return std::ranges::all_of(net.mask.begin() + static_cast<std::ptrdiff_t>(from), net.mask.end(),
                               [](std::uint8_t byte) { return byte == 0xff; });
}

std::string address_text(const net::PacketMatch::Address& address, bool is_ipv6) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, address.data() + (is_ipv6 ? 0 : 12), text.data(),
              text.size());
    return text.data();
}

/// "ip saddr 192.0.2.1 ", "ip6 daddr & ffff:: == 2001:: "; empty: any.
std::string net_text(const net::PacketMatch::Net& net, const char* field, bool is_ipv6) {
    if (is_any(net)) {
        return {};
    }
    const char* const family = is_ipv6 ? "ip6" : "ip";
    const std::string address = address_text(net.address, is_ipv6);
    return is_whole(net, is_ipv6 ? 0 : 12) ? fmt::format("{} {} {} ", family, field, address)
                                           : fmt::format("{} {} & {} == {} ", family, field,
                                                         address_text(net.mask, is_ipv6), address);
}

std::string ports_text(const net::PacketMatch::Ports& ports, const char* field) {
    if (ports == net::PacketMatch::Ports{}) {
        return {};
    }
    return ports.low == ports.high ? fmt::format("th {} {} ", field, ports.low)
                                   : fmt::format("th {} {}-{} ", field, ports.low, ports.high);
}

/// Number of sockets in this thread's namespace that receive nf_tables traces (/proc/net/netlink:
/// protocol in the second column, groups as a hexadecimal mask in the fourth).
unsigned trace_listeners() {
    std::ifstream file("/proc/thread-self/net/netlink");
    unsigned count = 0;
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string address, port, groups;
        int protocol = -1;
        words >> address >> protocol >> port >> groups;
        constexpr unsigned long bit = 1UL << (NFNLGRP_NFTRACE - 1);
        if (words && protocol == NETLINK_NETFILTER &&
            (std::strtoul(groups.c_str(), nullptr, 16) & bit) != 0) {
            ++count;
        }
    }
    return count;
}

/// It ends with this process, even on SIGKILL.
Result<Child> start_monitor() {
    const unsigned others = trace_listeners();
    Result<Child> monitor =
        Child::start({"setpriv", "--pdeathsig", "KILL", "nft", "-a", "monitor", "trace"});
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (monitor && trace_listeners() <= others) {
        if (monitor->wait(5ms) || std::chrono::steady_clock::now() > deadline) {
            return fail({.operation = "run",
                         .object = "nft monitor trace",
                         .reason = "it does not listen: " + monitor->err(),
                         .hint = "run without --trace: counters name most rules"});
        }
    }
    return monitor;
}

std::string table_text(const std::vector<net::PacketMatch>& any_of) {
    std::string rules;
    for (const net::PacketMatch& match : any_of) {
        rules += fmt::format("  {}limit rate 20/second burst 20 packets meta nftrace set 1\n",
                             nft_expression(match));
    }
    // Several processes may trace at once, but a table has one owner.
    std::string text = fmt::format("table inet {}{} {{\n flags owner\n", kTraceTable, getpid());
    for (const char* hook : {"prerouting", "output"}) {
        // Before every named priority: RAW_BEFORE_DEFRAG is -450.
        text += fmt::format(
            " chain {0} {{\n  type filter hook {0} priority -500; policy accept;\n{1} }}\n", hook,
            rules);
    }
    return text + "}\n";
}

}  // namespace

std::string nft_expression(const net::PacketMatch& match) {
    std::string text;
    if (match.family != 0) {
        text = match.family == 6 ? "meta nfproto ipv6 " : "meta nfproto ipv4 ";
    }
    text += net_text(match.source, "saddr", match.family == 6);
    text += net_text(match.destination, "daddr", match.family == 6);
    if (match.protocol != 0) {
        text += fmt::format("meta l4proto {} ", match.protocol);
    }
    return text + ports_text(match.source_ports, "sport") +
           ports_text(match.destination_ports, "dport");
}

Result<NftTrace> NftTrace::start(const std::vector<net::PacketMatch>& any_of) {
    Result<Child> monitor = start_monitor();
    if (!monitor) {
        return std::unexpected(monitor.error());
    }
    Result<NftContext> nft = NftContext::open();
    if (!nft) {
        return std::unexpected(nft.error());
    }
    const std::string table =
        table_text(any_of.empty() ? std::vector<net::PacketMatch>(1) : any_of);
    if (const Result<std::string> done = nft->run(table); !done) {
        return std::unexpected(done.error());
    }
    return NftTrace(std::move(*monitor), std::move(*nft));
}

std::vector<NftTraceDrop> NftTrace::take_drops() {
    unfinished_ += monitor_.drain_out();
    return reader_.take(unfinished_);
}

}  // namespace flowstamp::netfilter
