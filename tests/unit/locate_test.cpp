// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Locate without sockets: what a probe is, which ICMP belongs to it, and where that puts the box.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <sstream>

#include "tests/support/events.h"
#include "tests/support/json_schema.h"
#include "user/cmd/locate/wanted_flow.h"
#include "user/locate/box_place.h"
#include "user/locate/hop_trace.h"
#include "user/locate/probe.h"
#include "user/locate/time_exceeded.h"
#include "user/net/identity.h"
#include "user/output/json/locate_json.h"
#include "user/output/text/locate_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using locate::Doubt;
using locate::Hop;
using locate::HopTrace;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Bytes = std::vector<std::uint8_t>;

fst_flow v6_flow() {
    fst_flow flow = example_flow();
    flow.key = key_of("2001:db8::1", 40000, "2001:db8:7::7", 443, 3);
    return flow;
}

locate::FlowPoint point(const fst_flow& flow = example_flow()) {
    fst_flow its = flow;
    for (fst_direction& direction : its.direction) {
        direction.flags |= FST_DIRECTION_ACKED;
    }
    its.direction[kServer].ack_edge = 2001;
    its.state |= FST_FLOW_TS;
    return locate::point_of(its, kClient).value();
}

net::Endpoint router(std::uint8_t last) {
    net::Endpoint end = net::end_of(key_of("198.51.100.0", 0, "192.0.2.1", 0, 1), 1);
    end.port = 0;
    end.address[15] = last;
    return end;
}

/// The ICMP error about `packet`, which quotes so much of it.
Bytes error_about(const Bytes& packet, std::size_t quoted, bool is_v4) {
    Bytes message{static_cast<std::uint8_t>(is_v4 ? 11 : 3), 0, 0, 0, 0, 0, 0, 0};
    message.insert(message.end(), packet.begin(),
                   packet.begin() + static_cast<std::ptrdiff_t>(quoted));
    return message;
}

locate::IcmpAnswer answer_to(const locate::Probe& probe, const locate::FlowPoint& its,
                             const net::Endpoint& from) {
    const Bytes packet = packet_of(probe, its);
    const Bytes message = error_about(packet, its.is_v4() ? 28 : packet.size(), its.is_v4());
    const auto quote =
        its.is_v4() ? locate::time_exceeded_v4(message) : locate::time_exceeded_v6(message);
    return {.quote = quote.value(), .router = from, .ttl = 64, .received = 5ms};
}

TEST(LocateProbe, BeginsBelowWhatIsUnacknowledgedAndHasNoData) {
    locate::Probe probe{.number = 2, .ttl = 3, .ip_id = 0x1234};
    number_probe(probe, point());
    const Bytes packet = packet_of(probe, point());
    ASSERT_EQ(packet.size(), 20U + 20 + 12) << "headers and timestamps";
    EXPECT_EQ(packet[8], 3) << "TTL";
    EXPECT_EQ(packet[4] << 8 | packet[5], 0x1234);
    EXPECT_EQ(packet[2] << 8 | packet[3], 52) << "total length";
    EXPECT_EQ(probe.seq, 2001U - 1 - 2);
    EXPECT_EQ(packet[33], FST_TCP_ACK);
    EXPECT_EQ(packet[32] >> 4, 8) << "words of the TCP header";
}

/// RFC 9293, section 3.1.
TEST(LocateProbe, HasAValidChecksum) {
    for (const fst_flow& flow : {example_flow(), v6_flow()}) {
        const locate::FlowPoint its = point(flow);
        const Bytes packet = packet_of({.ttl = 1, .ip_id = 7, .seq = 12345, .ack = 99}, its);
        const std::size_t addresses_at = its.is_v4() ? 12 : 8, tcp_at = its.is_v4() ? 20 : 40;
        std::uint32_t sum = IPPROTO_TCP + static_cast<std::uint32_t>(packet.size() - tcp_at);
        for (std::size_t i = addresses_at; i < packet.size(); i += 2) {
            sum += static_cast<std::uint32_t>(packet[i] << 8 | packet[i + 1]);
        }
        while (sum >> 16 != 0) {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        EXPECT_EQ(sum, 0xffffU);
    }
}

TEST(LocateProbe, IsNotMadeOfAFlowThatSpokeInOneDirectionOnly) {
    fst_flow flow = example_flow();
    flow.direction[kServer].flags &= static_cast<std::uint16_t>(~FST_DIRECTION_ACKED);
    EXPECT_FALSE(locate::point_of(flow, kClient));
}

TEST(TimeExceeded, EightBytesOfTcpAreEnough) {
    locate::Probe probe{.ttl = 3, .ip_id = 0x1234, .seq = 1999};
    const Bytes packet = packet_of(probe, point());
    const auto its = locate::time_exceeded_v4(error_about(packet, 28, true));
    ASSERT_TRUE(its);
    EXPECT_EQ(its->source, net::end_of(point().key, kClient));
    EXPECT_EQ(its->destination, net::end_of(point().key, kServer));
    EXPECT_EQ(its->seq, 1999U);
    EXPECT_EQ(its->ip_id, 0x1234);
    EXPECT_FALSE(its->ack);
}

TEST(TimeExceeded, AnythingElseIsNone) {
    const Bytes packet = packet_of({.ttl = 3, .ip_id = 1, .seq = 1999}, point());
    const Bytes whole = error_about(packet, packet.size(), true);
    for (std::size_t bytes = 0; bytes < 8 + 20 + 8; bytes++) {
        EXPECT_FALSE(locate::time_exceeded_v4(std::span(whole).first(bytes))) << bytes;
    }
    const auto changed = [&](std::size_t at, std::uint8_t value) {
        Bytes message = whole;
        message[at] = value;
        return locate::time_exceeded_v4(message);
    };
    EXPECT_TRUE(changed(2, 0)) << "as it is";
    EXPECT_FALSE(changed(0, 3)) << "unreachable";
    EXPECT_FALSE(changed(1, 1)) << "reassembly";
    EXPECT_FALSE(changed(8 + 9, 17)) << "UDP";
    EXPECT_FALSE(changed(8 + 7, 1)) << "a later fragment";
    EXPECT_FALSE(changed(8, 0x4f)) << "options beyond the quote";
    EXPECT_FALSE(changed(8, 0x44)) << "a header of 16 bytes";
    const Bytes v6 = packet_of({.ttl = 3, .seq = 7, .ack = 8}, point(v6_flow()));
    const Bytes whole_v6 = error_about(v6, v6.size(), false);
    EXPECT_TRUE(locate::time_exceeded_v6(whole_v6));
    for (std::size_t bytes = 0; bytes < 8 + 40 + 8; bytes++) {
        EXPECT_FALSE(locate::time_exceeded_v6(std::span(whole_v6).first(bytes))) << bytes;
    }
}

TEST(HopTrace, AsksEachRouterOnceAndSilentOnesThreeTimes) {
    HopTrace trace(3, 1);
    std::vector<int> ttls;
    std::vector<std::uint32_t> sequence;
    while (const auto probe = trace.next(point(), 1ms)) {
        ttls.push_back(probe->ttl);
        sequence.push_back(probe->seq);
        EXPECT_NE(probe->ip_id, 0);
        if (probe->ttl != 2) {
            trace.answer(answer_to(*probe, point(), router(probe->ttl)));
        }
    }
    EXPECT_THAT(ttls, ::testing::ElementsAre(1, 2, 3, 2, 2));
    EXPECT_THAT(sequence, ::testing::ElementsAre(2000, 1999, 1998, 1997, 1996));
    EXPECT_FALSE(trace.is_complete());
    EXPECT_EQ(trace.hops()[0].address, router(1));
    EXPECT_EQ(trace.hops()[0].rtt, 4ms);
    EXPECT_EQ(trace.hops()[1].replies, 0U);
    EXPECT_EQ(trace.hops()[2].hops_back, 0U);
}

TEST(HopTrace, AForgedAnswerIsIgnored) {
    for (const fst_flow& flow : {example_flow(), v6_flow()}) {
        const locate::FlowPoint its = point(flow);
        HopTrace trace(1, 1);
        const locate::Probe probe = trace.next(its, 0ms).value();
        const locate::IcmpAnswer genuine = answer_to(probe, its, router(1));
        locate::IcmpAnswer forged = genuine;
        forged.quote.seq++;
        trace.answer(forged);
        forged = genuine;
        forged.quote.source.port++;
        trace.answer(forged);
        forged = genuine;
        forged.quote.destination.address[15]++;
        trace.answer(forged);
        forged = genuine;
        if (its.is_v4()) {
            forged.quote.ip_id = static_cast<std::uint16_t>(*forged.quote.ip_id + 1);
        } else {
            forged.quote.ack = *forged.quote.ack + 1;
        }
        trace.answer(forged);
        EXPECT_FALSE(trace.is_complete());
        trace.answer(genuine);
        trace.answer(genuine);
        EXPECT_EQ(trace.hops()[0].replies, 1U) << "a copy does not count";
    }
}

std::vector<Hop> path(unsigned routers) {
    std::vector<Hop> hops;
    for (std::uint8_t ttl = 1; ttl <= routers; ttl++) {
        hops.push_back({.ttl = ttl, .address = router(ttl), .replies = 1, .hops_back = ttl - 1U});
    }
    return hops;
}

TEST(BoxPlace, StandsBehindTheRoutersThatTheResetPassed) {
    EXPECT_EQ(locate::last_hop(62, 8), 3);
    const auto place = locate::place_of(62, 8, path(3));
    EXPECT_EQ(place.hops, 2U);
    EXPECT_EQ(place.after, router(2));
    EXPECT_EQ(place.before, router(3));
    EXPECT_EQ(place.doubt, Doubt::none);
    const auto first = locate::place_of(255, 8, path(1));
    EXPECT_EQ(first.hops, 0U);
    EXPECT_FALSE(first.after) << "this host";
    EXPECT_EQ(first.before, router(1));
}

TEST(BoxPlace, IsDoubtfulWhereItsDistanceIs) {
    EXPECT_EQ(locate::place_of(30, 8, path(3)).doubt, Doubt::initial_of_32);
    EXPECT_EQ(locate::place_of(200, 8, path(8)).doubt, Doubt::initial_ttl);
    EXPECT_EQ(locate::place_of(56, 8, path(8)).doubt, Doubt::as_far_as_peer);
    EXPECT_FALSE(locate::place_of(56, 8, path(8)).before);
    auto hops = path(3);
    hops[2].hops_back = 5;
    EXPECT_EQ(locate::place_of(62, 8, hops).doubt, Doubt::ways_differ);
    hops = path(3);
    hops[1].varies = true;
    EXPECT_EQ(locate::place_of(62, 8, hops).doubt, Doubt::load_balanced);
    EXPECT_EQ(locate::place_of(62, std::nullopt, path(3)).doubt, Doubt::none);
    EXPECT_FALSE(locate::place_of(std::nullopt, 8, path(8)).hops);
}

TEST(BoxPlace, IsNeverSoughtAtThePeer) {
    EXPECT_EQ(locate::last_hop(56, 8), 8) << "eight routers: the peer is the ninth";
    EXPECT_EQ(locate::last_hop(std::nullopt, 8), 8);
    EXPECT_EQ(locate::last_hop(std::nullopt, 0), 0) << "on the same link";
    EXPECT_EQ(locate::last_hop(std::nullopt, std::nullopt), 30);
    EXPECT_EQ(locate::peer_hops(example_flow().direction[kServer]), 12U);
}

std::string in_words(const locate::BoxPlace& place) {
    std::string text =
        output::place_text(place, 8, net::end_of(example_key(), kServer), output::Style(false));
    std::ranges::replace(text, '\n', ' ');
    return text;
}

TEST(LocateText, SaysWhereTheBoxStands) {
    EXPECT_EQ(in_words(locate::place_of(62, 8, path(3))),
              "The forged reset came from 2 hops away: the box is hop 3, 192.0.2.3, or stands "
              "between it and hop 2, 192.0.2.2. The peer, 198.51.100.7:443, is behind hop 8. ");
    auto hops = path(3);
    hops[2] = {.ttl = 3};
    EXPECT_THAT(in_words(locate::place_of(62, 8, hops)),
                HasSubstr("the box is hop 3, which does not answer, or"));
    EXPECT_THAT(in_words(locate::place_of(255, 8, path(1))),
                HasSubstr("from 0 hops away: the box is hop 1, 192.0.2.1, or stands on the link"));
    EXPECT_THAT(in_words(locate::place_of(30, 8, path(3))), HasSubstr("That is doubtful: its TTL"));
    EXPECT_THAT(in_words(locate::place_of(56, 8, path(8))), HasSubstr("cannot be placed"));
    EXPECT_THAT(in_words({}), HasSubstr("no box to place"));
    EXPECT_EQ(output::hop_text({.ttl = 3}, output::Style(false)), "hop 3   does not answer\n");
    hops = path(1);
    hops[0].rtt = 2ms;
    hops[0].hops_back = 4;
    EXPECT_EQ(output::hop_text(hops[0], output::Style(false)),
              "hop 1   192.0.2.1        2.0 ms  4 hops away on the way back\n");
}

TEST(LocateJson, EachEventIsDescribedBySchema) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    const auto violations = [&](const nlohmann::ordered_json& event) {
        return schema.violations(nlohmann::json::parse(event.dump()));
    };
    auto hops = path(3);
    hops[1].varies = true;
    hops.push_back({.ttl = 4});
    for (const Hop& hop : hops) {
        EXPECT_THAT(violations(output::json_of(hop, example_key(), kClient, 1s)), IsEmpty());
    }
    for (const std::uint8_t ttl : {62, 30, 200, 56}) {
        const auto event =
            output::json_of(locate::place_of(ttl, 8, hops), 8, example_key(), kClient, 1s);
        EXPECT_THAT(violations(event), IsEmpty()) << event.dump();
    }
    const auto unknown = output::json_of(locate::BoxPlace{}, std::nullopt, example_key(), 0, 1s);
    EXPECT_THAT(violations(unknown), IsEmpty());
    EXPECT_EQ(unknown["locate"].dump(), R"({"certainty":"unknown"})");
}

TEST(WantedFlow, IsNamedAsFlowsPrintsItOrByItsCommunityId) {
    const fst_flow_key key = example_key();
    for (const std::string text :
         {"192.0.2.1:40000 > 198.51.100.7:443", "198.51.100.7:443-192.0.2.1:40000",
          "198.51.100.7:443 192.0.2.1:40000"}) {
        const auto flow = cmd::parse_flow(text);
        ASSERT_TRUE(flow) << text;
        EXPECT_TRUE(flow->matches(key)) << text;
        EXPECT_FALSE(flow->matches(v6_flow().key)) << text;
    }
    EXPECT_TRUE(cmd::parse_flow(net::community_id(key))->matches(key));
    EXPECT_TRUE(
        cmd::parse_flow("[2001:db8::1]:40000 > [2001:db8:7::7]:443")->matches(v6_flow().key));
    for (const std::string text :
         {"", "192.0.2.1:40000", "192.0.2.1 > 198.51.100.7", "192.0.2.1:1 > x:2",
          "192.0.2.1:1 > 192.0.2.2:70000", "2001:db8::1:1 > 2001:db8::2:2", "a b c"}) {
        EXPECT_FALSE(cmd::parse_flow(text)) << text;
    }
}

TEST(WantedFlow, IsThatOfAFindingInALog) {
    const std::string line =
        R"({"event_type":"finding","src_ip":"198.51.100.7","src_port":443,"dest_ip":"192.0.2.1",)"
        R"("dest_port":40000,"finding":{"id":7,"kind":"forged-rst"},"packet":{"ttl":62}})";
    const std::string log = "not JSON \"finding\"\n" + line + "\n" +
                            R"({"event_type":"finding","finding":{"id":8,"kind":"stalled"}})" +
                            "\n" +
                            R"({"event_type":"finding","finding":{"id":9,"kind":"forged-rst"}})";
    const auto of = [&](std::uint64_t id) {
        std::istringstream lines(log);
        return cmd::flow_of_finding(lines, id, "x.json");
    };
    ASSERT_TRUE(of(7));
    EXPECT_TRUE(of(7)->matches(example_key()));
    EXPECT_EQ(of(7)->reset_ttl, 62);
    EXPECT_THAT(of(8).error().message(), HasSubstr("it is about no forged reset"));
    EXPECT_THAT(of(9).error().message(), HasSubstr("it lacks its connection"));
    EXPECT_THAT(of(1).error().message(), HasSubstr("finding 1 in x.json: locate: there is none"));
    std::istringstream lines(log), others(log);
    const net::Endpoint client = net::end_of(example_key(), kClient);
    const net::Endpoint server = net::end_of(example_key(), kServer);
    EXPECT_EQ(cmd::forged_reset_ttl(lines, {server, client}), 62);
    EXPECT_FALSE(cmd::forged_reset_ttl(others, {client, server})) << "in the other end's name";
}

}  // namespace
}  // namespace flowstamp::testing
