// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/filter.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define FLOWSTAMP_HAS_LSAN
#endif
#endif

namespace flowstamp {
namespace {

using flowstamp::testing::example_key;
using flowstamp::testing::FlowScript;
using flowstamp::testing::key_of;

bool matches(const std::string& expression, const fst_packet& packet) {
    const auto filter = net::Filter::compile(expression);
    if (!filter) {
        ADD_FAILURE() << filter.error().message();
        return false;
    }
    return filter->matches(packet);
}

bool matches(const std::string& expression, const fst_flow_key& key) {
    const auto filter = net::Filter::compile(expression);
    return filter && filter->matches(key);
}

fst_packet example_rst() {
    FlowScript script;
    return script
        .rst({.tcp_flags = FST_TCP_RST | FST_TCP_ACK, .ttl = 60, .ip_id = 0x3412, .window = 8201})
        .event.packet;
}

TEST(Filter, MatchesEveryPartOfAPacket) {
    const fst_packet rst = example_rst();
    for (const char* yes :
         {"tcp", "host 198.51.100.7", "src host 198.51.100.7 and dst port 40000",
          "net 192.0.2.0/24", "portrange 400-500", "tcp[tcpflags] & tcp-rst != 0",
          "tcp[tcpflags] = tcp-rst|tcp-ack", "ip[8] = 60", "ip[4:2] = 0x3412", "tcp[14:2] = 8201",
          "tcp[4:4] = 5000", "ip[6] & 0x40 != 0", "len = 40", "not port 22"}) {
        EXPECT_TRUE(matches(yes, rst)) << yes;
    }
    for (const char* no : {"udp or port 22", "ip6", "dst host 198.51.100.7", "port 22",
                           "tcp[tcpflags] & tcp-syn != 0", "ip[8] > 60"}) {
        EXPECT_FALSE(matches(no, rst)) << no;
    }
}

TEST(Filter, MatchesIpv6) {
    FlowScript script;
    script.flow().key = key_of("2001:db8::1", 40000, "2001:db8:7::7", 443, 3);
    fst_packet rst = script.rst({.ttl = 60}).event.packet;
    rst.flags |= FST_PACKET_IPV6;
    for (const char* yes : {"ip6", "src host 2001:db8:7::7", "tcp dst port 40000", "ip6[7] = 60",
                            "ip6[53] & 4 != 0"}) {
        EXPECT_TRUE(matches(yes, rst)) << yes;
    }
    EXPECT_FALSE(matches("ip", rst));
    EXPECT_FALSE(matches("dst host 2001:db8:7::7", rst));
}

TEST(Filter, MatchesAFlowByEitherDirection) {
    const fst_flow_key key = example_key();
    EXPECT_TRUE(matches("src port 443", key));
    EXPECT_TRUE(matches("dst port 443", key));
    EXPECT_TRUE(matches("host 192.0.2.1 and port 443", key));
    EXPECT_FALSE(matches("port 22", key));
}

TEST(Filter, ReportsWhatIsWrong) {
    for (const char* wrong : {"prot 443", "host", "ether host 00:00:5e:00:53:01", "port 443 and"}) {
        const auto filter = net::Filter::compile(wrong);
        ASSERT_FALSE(filter) << wrong;
        const std::string message = filter.error().message();
        EXPECT_NE(message.find(wrong), std::string::npos) << message;
        EXPECT_NE(message.find("pcap-filter(7)"), std::string::npos) << message;
    }
}

TEST(Filter, RefusesWhatNoTcpPacketMatches) {
#ifdef FLOWSTAMP_HAS_LSAN
    // libpcap 1.10 does not free what it has compiled when it says that an expression matches nothing.
    const __lsan::ScopedDisabler libpcaps_own;
#endif
    for (const char* wrong : {"udp", "icmp", "arp", "udp port 53", "not tcp",
                              "ip6 and host 192.0.2.1", "icmp or udp"}) {
        const auto filter = net::Filter::compile(wrong);
        ASSERT_FALSE(filter) << wrong;
        EXPECT_EQ(filter.error().message(),
                  "'" + std::string(wrong) +
                      "': filter: no TCP packet matches it, and only TCP is followed; filter by "
                      "host or port");
    }
    for (const char* right : {"udp or tcp", "port domain", "not host 192.0.2.1", "not udp", ""}) {
        EXPECT_TRUE(net::Filter::compile(right)) << right;
    }
}

}  // namespace
}  // namespace flowstamp
