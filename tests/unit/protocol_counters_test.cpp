// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/protocol_counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace flowstamp {
namespace {

using pathtrace::ProtocolCounters;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(ProtocolCounters, AreNamedAsByNstat) {
    ProtocolCounters counters;
    pathtrace::add_counters(
        "Tcp: MaxConn InErrs\nTcp: -1 3\nUdp: NoPorts\nUdp: 18446744073709551615\n", counters);
    pathtrace::add_counters_by_line("Ip6InHdrErrors                  \t7\nUdp6NoPorts 0\n",
                                    counters);
    EXPECT_THAT(counters,
                ElementsAre(Pair("Ip6InHdrErrors", 7), Pair("TcpInErrs", 3), Pair("Udp6NoPorts", 0),
                            Pair("UdpNoPorts", 18446744073709551615U)));
}

TEST(ProtocolCounters, DamagedTextEndsTheReading) {
    for (const char* text :
         {"", "Tcp: A\n", "Tcp: A\nUdp: 1\n", "Tcp A\nTcp 1\n", "\n\n", "Tcp: A\nTcp:\n",
          "Tcp:\nTcp: 1\n", "Tcp: A\nTcp: 1x\n", "Tcp: A\nTcp: 99999999999999999999\n"}) {
        ProtocolCounters counters;
        pathtrace::add_counters(text, counters);
        EXPECT_THAT(counters, IsEmpty()) << text;
    }
}

TEST(ProtocolCounters, CommandsNameThem) {
    using pathtrace::counters_named_in;
    EXPECT_THAT(counters_named_in("ss -lntu; nstat -az UdpNoPorts Udp6NoPorts; dmesg"),
                ElementsAre("UdpNoPorts", "Udp6NoPorts"));
    EXPECT_THAT(counters_named_in("nstat -az TcpInCsumErrors"), ElementsAre("TcpInCsumErrors"));
    EXPECT_THAT(counters_named_in("nstat -az 'IpReasm*'"), IsEmpty());
    EXPECT_THAT(counters_named_in("ss -lntu"), IsEmpty());
}

TEST(ProtocolCounters, CountPacketsOfTheirProtocol) {
    using pathtrace::counts_protocol;
    EXPECT_TRUE(counts_protocol("UdpNoPorts", IPPROTO_UDP));
    EXPECT_FALSE(counts_protocol("UdpNoPorts", IPPROTO_TCP));
    EXPECT_FALSE(counts_protocol("Udp6NoPorts", IPPROTO_TCP));
    EXPECT_FALSE(counts_protocol("TcpInCsumErrors", IPPROTO_UDP));
    EXPECT_TRUE(counts_protocol("TcpInCsumErrors", IPPROTO_TCP));
    EXPECT_TRUE(counts_protocol("TcpExtIPReversePathFilter", IPPROTO_UDP));
    EXPECT_TRUE(counts_protocol("IpInHdrErrors", IPPROTO_TCP));
}

TEST(ProtocolCounters, OneThatMovedAloneIsTold) {
    const ProtocolCounters before{{"A", 1}, {"B", 2}};
    const auto moved = pathtrace::moved_counter({"A", "B", "C"}, before, {{"A", 1}, {"B", 5}});
    EXPECT_EQ(moved, (pathtrace::CounterIncrease{"B", 3, "nstat -az B"}));
    EXPECT_FALSE(pathtrace::moved_counter({"A", "B"}, before, {{"A", 2}, {"B", 5}}));
    EXPECT_FALSE(pathtrace::moved_counter({"A", "B"}, before, before));
    EXPECT_FALSE(pathtrace::moved_counter({"A"}, before, {{"A", 0}}));
}

}  // namespace
}  // namespace flowstamp
