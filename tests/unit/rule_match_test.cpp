// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What rules require of a packet, as iptables and nft write it.
#include "user/netfilter/rule_match.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "user/netfilter/condition_values.h"
#include "user/netfilter/ipset_types.h"
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

/// What conntrack and earlier rules have made of it.
PacketHeaders tracked() {
    PacketHeaders packet = kPacket;
    packet.state = netfilter::ConntrackState::established;
    packet.is_reply = true;
    packet.mark = 0x112;
    return packet;
}

netfilter::RuleMatch iptables(const std::string& text) {
    std::vector<std::string_view> words;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        words.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return netfilter::iptables_match(words);
}

Matches of_iptables(const std::string& text, const PacketHeaders& packet = kPacket) {
    return matches(iptables(text), packet);
}

netfilter::RuleMatch nft(const std::string& json, const std::set<netfilter::NamedSet>& sets = {}) {
    netfilter::RuleMatch match;
    match.is_complete = add_nft_match(match, nlohmann::json::parse(json),
                                      {.family = "inet", .table = "site", .volatile_sets = &sets});
    return match;
}

Matches of_nft(const std::string& json, const PacketHeaders& packet = kPacket) {
    return matches(nft(json), packet);
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

TEST(IptablesMatch, ComparesWhatTheKernelKnowsOfThePacket) {
    for (const char* yes :
         {"-m conntrack --ctstate RELATED,ESTABLISHED", "-m state --state ESTABLISHED",
          "-m conntrack ! --ctstate NEW", "-m conntrack --ctdir REPLY", "-m mark --mark 0x112",
          "-m mark --mark 0x12/0xff", "-m mark ! --mark 0x1", "-m mark --mark 0x0/0x1"}) {
        EXPECT_EQ(of_iptables(yes, tracked()), Matches::yes) << yes;
    }
    for (const char* no :
         {"-m conntrack --ctstate INVALID", "-m conntrack ! --ctstate ESTABLISHED",
          "-m conntrack --ctdir ORIGINAL", "-m mark --mark 0x12", "-m mark ! --mark 0x12/0xff"}) {
        EXPECT_EQ(of_iptables(no, tracked()), Matches::no) << no;
    }
    EXPECT_EQ(of_iptables("-m conntrack --ctstate NEW,DNAT", tracked()), Matches::maybe);
}

TEST(IptablesMatch, AnIcmpType) {
    PacketHeaders ping = kPacket;
    ping.protocol = 1;
    ping.icmp_type = 8;
    EXPECT_EQ(of_iptables("-p icmp -m icmp --icmp-type 8", ping), Matches::yes);
    EXPECT_EQ(of_iptables("-p icmp -m icmp --icmp-type 3", ping), Matches::no);
    EXPECT_EQ(of_iptables("-p icmp -m icmp --icmp-type 3/4", ping), Matches::maybe);
}

/// An ipset's type says what its rules compare.
TEST(IptablesMatch, AnIpset) {
    netfilter::Ruleset ruleset{
        .tables = {
            {.chains = {{.rules = {{.match = iptables("-m set --match-set web dst,dst")},
                                   {.match = iptables("-m set ! --match-set who src")},
                                   {.match = iptables("-m set --match-set odd src,src")}}}}}}};
    EXPECT_TRUE(uses_ipsets(ruleset));
    name_ipset_fields(ruleset, netfilter::parse_ipset_types(
                                   "Name: web\nType: hash:ip,port\nRevision: 7\n"
                                   "Header: family inet hashsize 1024 maxelem 65536\n\n"
                                   "Name: who\nType: hash:net\n"
                                   "Header: family inet maxelem 65536 timeout 300 bucketsize 12\n\n"
                                   "Name: odd\nType: hash:ip,mac\nHeader: \n"));
    const auto& rules = ruleset.tables[0].chains[0].rules;
    ASSERT_EQ(rules[0].match.memberships.size(), 1U);
    const auto query = set_query(rules[0].match.memberships[0], kPacket);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->element, "203.0.113.2,6:80");
    EXPECT_EQ(matches(rules[0].match, kPacket), Matches::maybe) << "nobody was asked";
    // Nobody announces that an ipset has changed.
    EXPECT_EQ(matches(rules[0].match, kPacket, {{*query, true}}), Matches::likely);
    EXPECT_EQ(matches(rules[0].match, kPacket, {{*query, false}}), Matches::unlikely);

    const auto expiring = set_query(rules[1].match.memberships.at(0), kPacket);
    ASSERT_TRUE(expiring);
    EXPECT_EQ(expiring->element, "198.51.100.2");
    EXPECT_EQ(matches(rules[1].match, kPacket, {{*expiring, true}}), Matches::unlikely);
    EXPECT_EQ(matches(rules[1].match, kPacket, {{*expiring, false}}), Matches::likely)
        << "it may have had it a moment ago";
    EXPECT_EQ(matches(rules[2].match, kPacket), Matches::maybe) << "a MAC address is not compared";
}

TEST(NftMatch, ComparesWhatTheKernelKnowsOfThePacket) {
    for (const char* yes :
         {R"({"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]})",
          R"({"op":"==","left":{"ct":{"key":"state"}},"right":{"set":["new","established"]}})",
          R"({"op":"!=","left":{"ct":{"key":"state"}},"right":"invalid"})",
          R"({"op":"==","left":{"ct":{"key":"direction"}},"right":"reply"})",
          R"({"op":"==","left":{"&":[{"meta":{"key":"mark"}},255]},"right":18})",
          R"({"op":"!=","left":{"meta":{"key":"mark"}},"right":0})",
          R"({"op":">","left":{"meta":{"key":"mark"}},"right":17})",
          R"({"op":"==","left":{"meta":{"key":"nfproto"}},"right":"ipv4"})",
          R"({"op":"in","left":{"payload":{"protocol":"tcp","field":"flags"}},
              "right":["syn","rst"]})",
          R"({"op":"!","left":{"payload":{"protocol":"tcp","field":"flags"}},"right":"ack"})",
          R"({"op":"==","left":{"&":[{"payload":{"protocol":"tcp","field":"flags"}},
              ["syn","ack"]]},"right":"syn"})"}) {
        EXPECT_EQ(of_nft(yes, tracked()), Matches::yes) << yes;
    }
    for (const char* no :
         {R"({"op":"in","left":{"ct":{"key":"state"}},"right":"new"})",
          R"({"op":"==","left":{"ct":{"key":"direction"}},"right":"original"})",
          R"({"op":"==","left":{"meta":{"key":"mark"}},"right":18})",
          R"({"op":"<","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":80})",
          R"({"op":"==","left":{"meta":{"key":"nfproto"}},"right":"ipv6"})",
          R"({"op":"==","left":{"payload":{"protocol":"tcp","field":"flags"}},
              "right":{"set":["fin","rst"]}})",
          R"({"op":"==","left":{"payload":{"protocol":"icmp","field":"type"}},
              "right":"echo-request"})"}) {
        EXPECT_EQ(of_nft(no, tracked()), Matches::no) << no;
    }
    for (const char* maybe :
         {R"({"op":"in","left":{"ct":{"key":"status"}},"right":"dnat"})",
          R"({"op":"==","left":{"ct":{"key":"mark"}},"right":5})",
          R"({"op":"==","left":{"fib":{"result":"type","flags":["daddr"]}},"right":"local"})"}) {
        EXPECT_EQ(of_nft(maybe, tracked()), Matches::maybe) << maybe;
    }
}

constexpr const char* kPair = R"({"op":"==","left":{"concat":[
    {"payload":{"protocol":"ip","field":"saddr"}},
    {"payload":{"protocol":"tcp","field":"dport"}}]},"right":)";

TEST(NftMatch, AConcatenation) {
    const std::string pair = kPair;
    EXPECT_EQ(of_nft(pair + R"({"set":[{"concat":["192.0.2.1",80]},
                                       {"concat":["198.51.100.2",{"range":[79,81]}]}]}})"),
              Matches::yes);
    EXPECT_EQ(of_nft(pair + R"({"set":[{"concat":["192.0.2.1",80]},
                                       {"concat":["198.51.100.2",443]}]}})"),
              Matches::no);
}

TEST(NftMatch, ANamedSet) {
    const netfilter::RuleMatch match = nft(std::string(kPair) + R"("@pairs"})");
    const auto query = set_query(match.memberships.at(0), kPacket);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->element, "198.51.100.2 . 80");
    EXPECT_EQ(query->set, (netfilter::NamedSet{"inet", "site", "pairs", false}));
    EXPECT_EQ(matches(match, kPacket), Matches::maybe);
    EXPECT_EQ(matches(match, kPacket, {{*query, true}}), Matches::yes);
    EXPECT_EQ(matches(match, kPacket, {{*query, false}}), Matches::no);

    const netfilter::RuleMatch changing =
        nft(std::string(kPair) + R"("@pairs"})", {{"inet", "site", "pairs", true}});
    const auto asked = set_query(changing.memberships.at(0), kPacket);
    ASSERT_TRUE(asked);
    // The packet itself may have put it there.
    EXPECT_EQ(matches(changing, kPacket, {{*asked, false}}), Matches::unlikely);
    EXPECT_EQ(matches(changing, kPacket, {{*asked, true}}), Matches::likely);
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
