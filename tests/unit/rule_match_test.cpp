// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What rules require of a packet, as iptables and nft write it.
#include "user/netfilter/rule_match.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "user/netfilter/condition_values.h"
#include "user/netfilter/iptables_match.h"
#include "user/netfilter/nft_match.h"

namespace flowstamp {
namespace {

using netfilter::Matches;
using netfilter::PacketHeaders;

const PacketHeaders kPacket{.protocol = 6,
                            .source = *netfilter::address_value("198.51.100.2"),
                            .destination = *netfilter::address_value("203.0.113.2"),
                            .source_port = 40000,
                            .destination_port = 80,
                            .in_interface = "eth0",
                            .out_interface = "vethA1",
                            .tcp_flags = 0x02};

Matches of_iptables(const std::string& text, const PacketHeaders& packet = kPacket) {
    std::vector<std::string_view> words;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        words.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return matches(netfilter::iptables_match(words), packet);
}

Matches of_nft(const std::string& json, const PacketHeaders& packet = kPacket) {
    const auto conditions = netfilter::nft_conditions(nlohmann::json::parse(json));
    return conditions ? matches({*conditions, true}, packet) : Matches::maybe;
}

TEST(IptablesMatch, ComparesWhatEachOptionNames) {
    for (const char* yes : {"",
                            "-p tcp",
                            "! -p udp",
                            "-s 198.51.100.0/24",
                            "-d 203.0.113.2/32",
                            "-s 198.51.0.0/255.255.0.0",
                            "! -s 10.0.0.0/8",
                            "-i eth0",
                            "-i eth+",
                            "-o veth+",
                            "! -i eth1",
                            "-p tcp -m tcp --dport 80",
                            "-p tcp -m tcp --dport 79:81",
                            "-p tcp -m tcp --dport :80",
                            "-p tcp -m tcp --sport 1024:",
                            "-p tcp -m tcp ! --dport 443",
                            "-p tcp -m multiport --dports 22,80,443",
                            "-p tcp -m multiport --ports 80",
                            "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
                            "-p tcp -m comment --comment web",
                            "-m iprange --dst-range 203.0.113.1-203.0.113.9"}) {
        EXPECT_EQ(of_iptables(yes), Matches::yes) << yes;
    }
    for (const char* no :
         {"-p udp", "! -p tcp", "-s 198.51.101.0/24", "! -d 203.0.113.2/32", "-i eth1", "-o veth",
          "-p tcp -m tcp --dport 8201", "-p tcp -m tcp ! --dport 80",
          "-p tcp -m multiport --dports 22,443", "-p tcp -m multiport ! --ports 80",
          "-p tcp -m tcp --tcp-flags SYN,ACK ACK",
          "-m iprange ! --dst-range 203.0.113.1-203.0.113.9",
          "-m conntrack --ctstate NEW -m tcp --dport 81"}) {
        EXPECT_EQ(of_iptables(no), Matches::no) << no;
    }
}

/// Nothing is concluded from what is not understood, however it reads.
TEST(IptablesMatch, WhatIsNotUnderstoodMayMatch) {
    for (const char* maybe :
         {"-m conntrack --ctstate INVALID", "-m set --match-set banned src",
          "-m string --string --dport --algo bm", "-m owner --uid-owner 0 --dport 81",
          "-m comment --comment -m --dport 81", "-p tcp -m tcp --tcp-option 5", "-f -s 10.0.0.1",
          "-s 10.0.0.0/255.0.255.0", "-m limit --limit 1/sec"}) {
        EXPECT_EQ(of_iptables(maybe), Matches::maybe) << maybe;
    }
}

TEST(NftMatch, ComparesWhatEachExpressionReads) {
    for (const char* yes :
         {R"({"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":80})",
          R"({"op":"!=","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":443})",
          R"({"op":"==","left":{"payload":{"protocol":"th","field":"dport"}},
              "right":{"range":[79,81]}})",
          R"({"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},
              "right":{"set":[22,80,{"range":[100,200]}]}})",
          R"({"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},
              "right":{"prefix":{"addr":"198.51.100.0","len":24}}})",
          R"({"op":"==","left":{"meta":{"key":"iifname"}},"right":{"set":["eth1","eth*"]}})",
          R"({"op":"==","left":{"meta":{"key":"l4proto"}},"right":{"set":["tcp","udp"]}})"}) {
        EXPECT_EQ(of_nft(yes), Matches::yes) << yes;
    }
    for (const char* no :
         {R"({"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":8201})",
          R"({"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":80})",
          R"({"op":"!=","left":{"payload":{"protocol":"udp","field":"dport"}},"right":443})",
          R"({"op":"==","left":{"payload":{"protocol":"ip6","field":"saddr"}},"right":"::1"})",
          R"({"op":"!=","left":{"payload":{"protocol":"ip6","field":"saddr"}},"right":"::1"})",
          R"({"op":"==","left":{"payload":{"protocol":"ip","field":"daddr"}},
              "right":{"set":["203.0.113.1","203.0.113.3"]}})",
          R"({"op":"==","left":{"meta":{"key":"oifname"}},"right":"veth"})"}) {
        EXPECT_EQ(of_nft(no), Matches::no) << no;
    }
    for (const char* maybe :
         {R"({"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":"@ports"})",
          R"({"op":"in","left":{"ct":{"key":"state"}},"right":"invalid"})",
          R"({"op":"==","left":{"&":[{"meta":{"key":"mark"}},255]},"right":1})",
          R"({"op":"==","left":{"meta":{"key":"iifname"}},"right":"@links"})"}) {
        EXPECT_EQ(of_nft(maybe), Matches::maybe) << maybe;
    }
}

/// A later fragment has no ports, and a packet's interface may not be known.
TEST(RuleMatch, WhatIsNotKnownOfThePacketMayMatch) {
    PacketHeaders fragment = kPacket;
    fragment.source_port = fragment.destination_port = std::nullopt;
    fragment.in_interface = std::nullopt;
    EXPECT_EQ(of_iptables("-p tcp -m tcp --dport 8201", fragment), Matches::maybe);
    EXPECT_EQ(of_iptables("-i eth1", fragment), Matches::maybe);
    EXPECT_EQ(of_iptables("-p udp -m udp --dport 8201", fragment), Matches::no);
}

}  // namespace
}  // namespace flowstamp
