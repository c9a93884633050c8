// SPDX-License-Identifier: Apache-2.0
#include "user/path/nft_trace.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

/// Adds "ip saddr ADDRESS"; false if it is none of that family.
bool add_address(std::string& text, TableFamily family, const char* field,
                 const std::string& address) {
    if (address.empty()) {
        return true;
    }
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    const int domain = family == TableFamily::ip ? AF_INET : AF_INET6;
    if (inet_pton(domain, address.c_str(), bytes.data()) != 1) {
        return false;
    }
    text += fmt::format("{} {} {} ", name_of(family), field, address);
    return true;
}

/// How many sockets of this thread's namespace listen to nf_tables' traces (/proc/net/netlink:
/// protocol in the second column, groups as hexadecimal bits in the fourth).
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

Result<Child> start_monitor() {
    const unsigned others = trace_listeners();
    Result<Child> monitor = Child::start({"nft", "-a", "monitor", "trace"});
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (monitor && trace_listeners() <= others) {
        if (monitor->wait(5ms) || std::chrono::steady_clock::now() > deadline) {
            return fail({.operation = "run",
                         .object = "nft monitor trace",
                         .reason = "it does not listen: " + monitor->err()});
        }
    }
    return monitor;
}

std::string table_text(const std::string& expression) {
    std::string text = "table inet flowstamp_trace {\n flags owner\n";
    for (const char* hook : {"prerouting", "output"}) {
        // Before everything else that has a name: RAW_BEFORE_DEFRAG is -450.
        text += fmt::format(
            " chain {0} {{\n  type filter hook {0} priority -500; policy accept;\n"
            "  {1}limit rate 20/second burst 20 packets meta nftrace set 1\n }}\n",
            hook, expression);
    }
    return text + "}\n";
}

}  // namespace

Result<std::string> nft_expression(const TraceMatch& match) {
    std::string text =
        fmt::format("meta nfproto {} ", match.family == TableFamily::ip6 ? "ipv6" : "ipv4");
    if (!add_address(text, match.family, "saddr", match.source) ||
        !add_address(text, match.family, "daddr", match.destination)) {
        return fail({.operation = "trace",
                     .object = match.source + " " + match.destination,
                     .reason = "not an address of the family"});
    }
    if (match.protocol) {
        text += fmt::format("meta l4proto {} ", *match.protocol);
    }
    if (match.source_port) {
        text += fmt::format("th sport {} ", *match.source_port);
    }
    if (match.destination_port) {
        text += fmt::format("th dport {} ", *match.destination_port);
    }
    return text;
}

Result<NftTrace> NftTrace::start(const TraceMatch& match) {
    const Result<std::string> expression = nft_expression(match);
    if (!expression) {
        return std::unexpected(expression.error());
    }
    Result<Child> monitor = start_monitor();
    if (!monitor) {
        return std::unexpected(monitor.error());
    }
    Result<NftContext> nft = NftContext::open();
    if (!nft) {
        return std::unexpected(nft.error());
    }
    if (const Result<std::string> done = nft->run(table_text(*expression)); !done) {
        return std::unexpected(done.error());
    }
    return NftTrace(std::move(*monitor), std::move(*nft));
}

std::vector<TracedDrop> NftTrace::drops() const {
    return parse_traced_drops(monitor_.out());
}

}  // namespace flowstamp
