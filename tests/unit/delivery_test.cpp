// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What is said of delivered packets without an answer: only what was read.
#include "user/pathtrace/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

namespace flowstamp {
namespace {

using pathtrace::Delivery;
using pathtrace::DeliveryFacts;
using pathtrace::SocketFacts;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Delivery::Cause::Kind;

DeliveryFacts unanswered(SocketFacts socket) {
    return {.is_tcp = true,
            .socket = socket,
            .way_back = DeliveryFacts::Way::found,
            .came_in = "eth0",
            .way_out = "eth0",
            .source = "198.51.100.2",
            .local = "203.0.113.2",
            .port = 80};
}

SocketFacts listener(std::uint32_t waiting, std::uint32_t most) {
    return {.state = TCP_LISTEN, .inode = 7, .receive_queue = waiting, .send_queue = most};
}

SocketFacts established(std::optional<std::uint32_t> window, std::uint32_t unread) {
    return {.state = TCP_ESTABLISHED,
            .inode = 7,
            .receive_queue = unread,
            .receive_window = window,
            .last_data_ms = 2500};
}

std::vector<Delivery::Cause> causes(const DeliveryFacts& facts) {
    const auto delivery = explain_delivery(facts);
    return delivery ? delivery->causes : std::vector<Delivery::Cause>();
}

TEST(Delivery, OnlyTheSocketIfNothingSpeaks) {
    const auto delivery = explain_delivery(unanswered(listener(0, 128)));
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->state, "LISTEN");
    EXPECT_FALSE(delivery->is_answered);
    EXPECT_THAT(delivery->causes, IsEmpty());

    DeliveryFacts udp = unanswered({.state = TCP_CLOSE, .inode = 7});
    udp.is_tcp = false;
    EXPECT_EQ(explain_delivery(udp)->state, "UNCONN");
    udp.socket.reset();
    EXPECT_FALSE(explain_delivery(udp));
}

TEST(Delivery, FullAcceptQueue) {
    EXPECT_THAT(causes(unanswered(listener(1, 1))), IsEmpty());
    DeliveryFacts facts = unanswered(listener(2, 1));
    facts.overflows = 3;
    ASSERT_EQ(causes(facts).size(), 1U);
    EXPECT_EQ(causes(facts)[0].kind, Kind::accept_queue_full);
    EXPECT_EQ(causes(facts)[0].words,
              "its accept queue is full: 2 wait to be accepted, of at most 1 "
              "(ListenOverflows moved by 3)");
    EXPECT_THAT(causes(facts)[0].look_at, HasSubstr("ss -lnt 'sport = :80'"));
    facts = unanswered(listener(1, 1));
    facts.overflows = 3;  // of another listener
    EXPECT_THAT(causes(facts), IsEmpty());
    facts = unanswered(listener(2, 1));
    facts.is_tcp = false;
    EXPECT_THAT(causes(facts), IsEmpty());
}

TEST(Delivery, WayBack) {
    DeliveryFacts facts = unanswered(listener(0, 128));
    facts.way_back = DeliveryFacts::Way::none;
    ASSERT_EQ(causes(facts).size(), 1U);
    EXPECT_EQ(causes(facts)[0].words, "no route back to 198.51.100.2");
    EXPECT_EQ(causes(facts)[0].look_at, "ip route get 198.51.100.2 from 203.0.113.2; ip rule");
    facts.way_back = DeliveryFacts::Way::refused;
    EXPECT_THAT(causes(facts)[0].words, HasSubstr("refuses the way back"));
    facts.way_back = DeliveryFacts::Way::unknown;
    EXPECT_THAT(causes(facts), IsEmpty());
    facts.way_back = DeliveryFacts::Way::found;
    facts.way_out = "eth1";
    EXPECT_EQ(causes(facts)[0].kind, Kind::other_way_back);
    EXPECT_THAT(causes(facts)[0].words,
                HasSubstr("leaves through eth1, but it came in through eth0"));
    facts.came_in = "";
    EXPECT_THAT(causes(facts), IsEmpty());
}

TEST(Delivery, OfAnsweredPacketsOnlyAZeroWindow) {
    DeliveryFacts facts = unanswered(established(0, 5000));
    facts.is_answered = true;
    facts.way_back = DeliveryFacts::Way::none;
    ASSERT_EQ(causes(facts).size(), 1U);
    EXPECT_EQ(causes(facts)[0].kind, Kind::zero_window);
    EXPECT_EQ(causes(facts)[0].words,
              "its receive window has been zero for at most 2.5 s, since its last data came: "
              "the program has not read 5000 bytes");
    for (const SocketFacts& socket :
         {established(1, 5000), established(0, 0), established(std::nullopt, 5000)}) {
        facts.socket = socket;
        EXPECT_FALSE(explain_delivery(facts));
    }
}

}  // namespace
}  // namespace flowstamp
