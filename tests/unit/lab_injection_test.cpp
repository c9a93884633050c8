// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/injection.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"

namespace flowstamp::lab {
namespace {

namespace packet = flowstamp::testing;
using namespace std::chrono_literals;
using On = lab::Trigger::On;

lab::Frame from_client(packet::Tcp tcp, std::size_t payload = 0) {
    tcp.src_port = 40000;
    tcp.dst_port = 80;
    return (packet::Ethernet{} / packet::Ipv4{.src = "198.51.100.2", .dst = "203.0.113.2"} / tcp /
            packet::filler(payload))
        .bytes();
}

lab::Frame from_server(packet::Tcp tcp, std::size_t payload = 0) {
    tcp.src_port = 80;
    tcp.dst_port = 40000;
    return (packet::Ethernet{} / packet::Ipv4{.src = "203.0.113.2", .dst = "198.51.100.2"} / tcp /
            packet::filler(payload))
        .bytes();
}

const lab::Frame syn = from_client({.seq = 99, .flags = packet::Syn});
const lab::Frame syn_ack =
    from_server({.seq = 499, .ack = 100, .flags = packet::Syn | packet::Ack});
const lab::Frame ack = from_client({.seq = 100, .ack = 500});
const lab::Frame request = from_client({.seq = 100, .ack = 500}, 20);
const lab::Frame data_1 = from_server({.seq = 500, .ack = 120}, 1000);
const lab::Frame data_2 = from_server({.seq = 1500, .ack = 120}, 1000);
const lab::Frame ack_1 = from_client({.seq = 120, .ack = 1500});
const lab::Frame ack_2 = from_client({.seq = 120, .ack = 2500});

/// Which of a connection's segments, counted from 0, trigger the injector.
std::vector<int> fired_at(const lab::Injection& injection) {
    lab::InjectionEngine engine(injection);
    const std::pair<lab::Side, const lab::Frame*> segments[] = {
        {lab::Side::Client, &syn},     {lab::Side::Server, &syn_ack}, {lab::Side::Client, &ack},
        {lab::Side::Client, &request}, {lab::Side::Server, &data_1},  {lab::Side::Server, &data_2},
        {lab::Side::Client, &ack_1},   {lab::Side::Client, &ack_2}};
    std::vector<int> fired;
    for (int i = 0; const auto& [side, frame] : segments) {
        if (!engine.observe(side, *frame).forgeries.empty()) {
            fired.push_back(i);
        }
        ++i;
    }
    return fired;
}

TEST(LabInjection, FiresOnceAtItsTrigger) {
    using Positions = std::vector<int>;
    EXPECT_EQ(fired_at({.trigger = {.on = On::Syn}}), Positions{0});
    EXPECT_EQ(fired_at({.trigger = {.on = On::SynAck}}), Positions{1});
    EXPECT_EQ(fired_at({.trigger = {.on = On::ClientPacket}}), Positions{2});
    EXPECT_EQ(fired_at({.trigger = {.on = On::ClientData}}), Positions{3});
    EXPECT_EQ(fired_at({.trigger = {.on = On::ServerData}}), Positions{4});
    EXPECT_EQ(fired_at({.trigger = {.on = On::ServerPacket}}), Positions{4});
    EXPECT_EQ(fired_at({.trigger = {.on = On::AllAcknowledged}}), Positions{7});
}

TEST(LabInjection, FiresAsOftenAsRequested) {
    using Positions = std::vector<int>;
    EXPECT_EQ(fired_at({.trigger = {.on = On::ClientPacket, .times = 2}}), (Positions{2, 3}));
    EXPECT_EQ(fired_at({.trigger = {.on = On::ClientPacket, .times = lab::Trigger::always}}),
              (Positions{2, 3, 6, 7}));
}

TEST(LabInjection, WaitsForBytesOfTheServer) {
    using Positions = std::vector<int>;
    EXPECT_EQ(fired_at({.trigger = {.on = On::ServerData, .after_server_bytes = 1001}}),
              Positions{5});
    EXPECT_EQ(fired_at({.trigger = {.on = On::ServerData, .after_server_bytes = 2001}}),
              Positions{});
}

TEST(LabInjection, WaitsForMoreBytesBeforeEachFurtherTime) {
    using Positions = std::vector<int>;
    EXPECT_EQ(fired_at({.trigger = {.on = On::ClientPacket, .times = 3}}), (Positions{2, 3, 6}));
    EXPECT_EQ(fired_at({.trigger = {.on = On::ClientPacket, .bytes_between = 1000, .times = 3}}),
              (Positions{2, 6, 7}));
}

TEST(LabInjection, FiresOnlyForThePort) {
    EXPECT_EQ(fired_at({.trigger = {.on = On::Syn, .port = 80}}).size(), 1u);
    EXPECT_EQ(fired_at({.trigger = {.on = On::Syn, .port = 443}}).size(), 0u);
}

TEST(LabInjection, WaitsWhileTheIdCouldBeTheNext) {
    const lab::Frame server =
        (packet::Ethernet{} /
         packet::Ipv4{.src = "203.0.113.2", .dst = "198.51.100.2", .id = 65530} /
         packet::Tcp{.src_port = 80, .dst_port = 40000, .seq = 499, .ack = 100} /
         packet::filler(1000))
            .bytes();
    const auto fires = [&](lab::IpId id, std::uint16_t gap) {
        lab::InjectionEngine engine(
            {.trigger = {.on = On::ServerData, .id_gap = gap}, .forgery = {.ip_id = id}});
        engine.observe(lab::Side::Client, request);
        return !engine.observe(lab::Side::Server, server).forgeries.empty();
    };
    EXPECT_TRUE(fires(lab::IpId::constant(5), 0));
    EXPECT_TRUE(fires(lab::IpId::constant(5), 11));
    EXPECT_FALSE(fires(lab::IpId::constant(5), 12)) << "behind the counter's turn";
    EXPECT_FALSE(fires(lab::IpId::constant(65520), 12)) << "a little before";
    EXPECT_TRUE(fires(lab::IpId::continue_sender(), 12));
}

TEST(LabInjection, RetransmittedBytesCountOnce) {
    lab::InjectionEngine engine({.trigger = {.on = On::ServerData, .after_server_bytes = 1500}});
    engine.observe(lab::Side::Server, data_1);
    EXPECT_TRUE(engine.observe(lab::Side::Server, data_1).forgeries.empty());
    EXPECT_FALSE(engine.observe(lab::Side::Server, data_2).forgeries.empty());
}

TEST(LabInjection, SchedulesSeveralForBothSides) {
    lab::InjectionEngine engine({.trigger = {.on = On::Syn},
                                 .target = lab::Target::Both,
                                 .count = 2,
                                 .spacing = 10ms,
                                 .delay = 5ms});
    const auto forgeries = engine.observe(lab::Side::Client, syn).forgeries;
    ASSERT_EQ(forgeries.size(), 4u);
    EXPECT_EQ(forgeries[0].toward, lab::Side::Client);
    EXPECT_EQ(forgeries[1].toward, lab::Side::Server);
    EXPECT_EQ(forgeries[1].after, 5ms);
    EXPECT_EQ(forgeries[2].after, 15ms);
    EXPECT_EQ(forgeries[2].index, 1u);
}

TEST(LabInjection, ForgesFromWhatIsKnownWhenItFires) {
    lab::InjectionEngine engine({.trigger = {.on = On::ServerData}, .delay = 1ms});
    const auto forgeries = engine.observe(lab::Side::Server, data_1).forgeries;
    ASSERT_EQ(forgeries.size(), 1u);
    engine.observe(lab::Side::Server, data_2);
    const auto frame = engine.forge(forgeries[0], {});
    EXPECT_EQ(lab::parse_segment(frame.value())->seq, 2500u);
}

TEST(LabInjection, TheServerMayGetAnotherForgery) {
    lab::InjectionEngine engine({.trigger = {.on = On::ServerData},
                                 .target = lab::Target::Both,
                                 .forgery = {.flags = Rst},
                                 .forgery_to_server = lab::Forgery{.flags = Fin | Ack}});
    const auto forgeries = engine.observe(lab::Side::Server, data_1).forgeries;
    ASSERT_EQ(forgeries.size(), 2u);
    EXPECT_EQ(lab::parse_segment(*engine.forge(forgeries[0], {}))->flags, Rst);
    EXPECT_EQ(lab::parse_segment(*engine.forge(forgeries[1], {}))->flags, Fin | Ack);
    EXPECT_EQ(lab::parse_segment(*engine.forge(forgeries[1], {}))->source.port, 40000);
}

TEST(LabInjection, DropsOnlyTheTrigger) {
    lab::InjectionEngine engine(
        {.trigger = {.on = On::ClientData}, .swallow = lab::Swallow::Trigger});
    EXPECT_FALSE(engine.observe(lab::Side::Client, ack).swallow);
    EXPECT_TRUE(engine.observe(lab::Side::Client, request).swallow);
    EXPECT_FALSE(engine.observe(lab::Side::Client, request).swallow);
}

TEST(LabInjection, DropsTheConnectionFromThereOn) {
    lab::InjectionEngine engine(
        {.trigger = {.on = On::ClientData}, .swallow = lab::Swallow::Connection});
    EXPECT_FALSE(engine.observe(lab::Side::Client, ack).swallow);
    EXPECT_TRUE(engine.observe(lab::Side::Client, request).swallow);
    EXPECT_TRUE(engine.observe(lab::Side::Server, data_1).swallow);
}

TEST(LabInjection, NewConnectionOnTheSamePortsStartsOver) {
    lab::InjectionEngine engine({.trigger = {.on = On::Syn}});
    EXPECT_EQ(engine.observe(lab::Side::Client, syn).forgeries.size(), 1u);
    EXPECT_EQ(engine.observe(lab::Side::Client, syn).forgeries.size(), 0u) << "a retransmission";
    const lab::Frame next = from_client({.seq = 77'777, .flags = packet::Syn});
    EXPECT_EQ(engine.observe(lab::Side::Client, next).forgeries.size(), 1u);
}

TEST(LabInjection, ResetsNeitherTriggerNorUpdate) {
    lab::InjectionEngine engine(
        {.trigger = {.on = On::ServerPacket, .times = lab::Trigger::always}});
    EXPECT_TRUE(engine.observe(lab::Side::Server, from_server({.seq = 9, .flags = packet::Rst}))
                    .forgeries.empty());
    const auto forgeries = engine.observe(lab::Side::Server, data_1).forgeries;
    ASSERT_EQ(forgeries.size(), 1u);
    EXPECT_EQ(lab::parse_segment(*engine.forge(forgeries[0], {}))->seq, 1500u);
}

}  // namespace
}  // namespace flowstamp::lab
