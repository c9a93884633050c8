// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/forgery.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/support/packet.h"
#include "tests/support/packet_view.h"

namespace flowstamp::lab {
namespace {

namespace packet = flowstamp::testing;

constexpr lab::Hop hop{.from = {{2, 0, 0, 0, 2, 1}}, .to = {{2, 0, 0, 0, 1, 2}}};

/// A connection as seen by a router: the server has sent 5000..5499, the client acknowledged that
/// and has sent up to 1099.
class LabForgery : public ::testing::TestWithParam<lab::Family> {
  protected:
    void SetUp() override {
        observe(lab::Side::Client,
                {.src_port = 40000,
                 .dst_port = 80,
                 .seq = 1000,
                 .ack = 5000,
                 .flags = packet::Psh | packet::Ack,
                 .window = 502,
                 .options = packet::nop_nop_timestamps(70, 900)},
                100, {.ttl = 63, .id = 333, .tos = 4});
        observe(lab::Side::Server,
                {.src_port = 80,
                 .dst_port = 40000,
                 .seq = 5000,
                 .ack = 1100,
                 .flags = packet::Psh | packet::Ack,
                 .window = 509,
                 .options = packet::nop_nop_timestamps(901, 70)},
                500, {.ttl = 62, .id = 41'000, .tos = 16});
        observe(lab::Side::Client,
                {.src_port = 40000,
                 .dst_port = 80,
                 .seq = 1100,
                 .ack = 5500,
                 .flags = packet::Ack,
                 .window = 501,
                 .options = packet::nop_nop_timestamps(72, 901)},
                0, {.ttl = 63, .id = 334, .tos = 4});
    }

    struct IpFields {
        std::uint8_t ttl;
        std::uint16_t id;
        std::uint8_t tos;
    };

    void observe(lab::Side from, const packet::Tcp& tcp, std::size_t payload, const IpFields& ip) {
        const bool client = from == lab::Side::Client;
        const bool ipv4 = GetParam() == lab::Family::V4;
        const packet::Packet network =
            ipv4 ? packet::Packet(packet::Ipv4{.src = client ? "198.51.100.2" : "203.0.113.2",
                                               .dst = client ? "203.0.113.2" : "198.51.100.2",
                                               .ttl = ip.ttl,
                                               .id = ip.id,
                                               .tos = ip.tos})
                 : packet::Packet(packet::Ipv6{.src = client ? "2001:db8::1" : "2001:db8::2",
                                               .dst = client ? "2001:db8::2" : "2001:db8::1",
                                               .hop_limit = ip.ttl,
                                               .traffic_class = ip.tos});
        const auto frame =
            (packet::Packet(packet::Ethernet{}) / network / tcp / packet::filler(payload)).bytes();
        const auto segment = lab::parse_segment(frame);
        ASSERT_TRUE(segment);
        flow_.observe(from, *segment);
    }

    packet::TcpView forged(const lab::Forgery& forgery, unsigned index = 0,
                           lab::Side from = lab::Side::Server) {
        const auto frame = lab::forge(forgery, flow_, from, hop, index, random_);
        const auto view = packet::view_tcp(frame.value());
        EXPECT_TRUE(view && view->checksum_ok && view->ip_checksum_ok);
        return view.value_or(packet::TcpView{});
    }

    bool ipv4() const { return GetParam() == lab::Family::V4; }

    lab::FlowMemory flow_;
    std::mt19937 random_{1};
};

TEST_P(LabForgery, DefaultIsARstAckThatAcknowledgesAll) {
    const packet::TcpView view = forged({});
    EXPECT_EQ(view.src, ipv4() ? "203.0.113.2" : "2001:db8::2");
    EXPECT_EQ(view.dst, ipv4() ? "198.51.100.2" : "2001:db8::1");
    EXPECT_EQ(view.src_port, 80);
    EXPECT_EQ(view.dst_port, 40000);
    EXPECT_EQ(view.flags, packet::Rst | packet::Ack);
    EXPECT_EQ(view.seq, 5500u);
    EXPECT_EQ(view.ack, 1100u);
    EXPECT_EQ(view.ttl, 64);
    EXPECT_EQ(view.window, 0);
    EXPECT_TRUE(view.options.empty());
    EXPECT_TRUE(view.payload.empty());
}

TEST_P(LabForgery, RolesAreSwappedTowardTheServer) {
    const packet::TcpView view =
        forged({.ip_id = lab::IpId::echo_receiver()}, 0, lab::Side::Client);
    EXPECT_EQ(view.src_port, 40000);
    EXPECT_EQ(view.seq, 1100u);
    EXPECT_EQ(view.ack, 5500u);
    if (ipv4()) {
        EXPECT_EQ(view.ip_id, 41'000);
    }
}

TEST_P(LabForgery, TtlAbsoluteOrAsThePeersAfterThisRouter) {
    EXPECT_EQ(forged({.ttl = lab::Ttl::absolute(255)}).ttl, 255);
    EXPECT_EQ(forged({.ttl = lab::Ttl::as_peer()}).ttl, 61);
}

TEST_P(LabForgery, IpId) {
    if (!ipv4()) {
        EXPECT_FALSE(forged({.ip_id = lab::IpId::constant(7)}).ip_id);
        return;
    }
    EXPECT_EQ(forged({.ip_id = lab::IpId::constant(0x3412)}).ip_id, 0x3412);
    EXPECT_EQ(forged({.ip_id = lab::IpId::echo_receiver()}).ip_id, 334);
    EXPECT_EQ(forged({.ip_id = lab::IpId::continue_sender()}).ip_id, 41'001);
    EXPECT_EQ(forged({.ip_id = lab::IpId::continue_sender()}, 2).ip_id, 41'003);
    const lab::Forgery random{.ip_id = lab::IpId::random()};
    EXPECT_NE(forged(random).ip_id, forged(random).ip_id);
    EXPECT_EQ(forged({.dont_fragment = false}).df, false);
    EXPECT_EQ(forged({}).df, true);
}

TEST_P(LabForgery, SequenceNumbers) {
    EXPECT_EQ(forged({.seq = lab::Seq::next_expected(10)}).seq, 5510u);
    EXPECT_EQ(forged({.seq = lab::Seq::receiver_ack()}).seq, 5500u);
    EXPECT_EQ(forged({.seq = lab::Seq::absolute(9)}).seq, 9u);
    EXPECT_EQ(forged({.seq = lab::Seq::next_expected().stepping(1448)}, 2).seq, 5500u + 2 * 1448);
    EXPECT_EQ(forged({.ack = lab::AckNumber::zero()}).ack, 0u);
    EXPECT_EQ(forged({.ack = lab::AckNumber::next_expected(5)}).ack, 1105u);
    EXPECT_EQ(forged({.ack = lab::AckNumber::copied()}).ack, 1100u);
}

TEST_P(LabForgery, UnacknowledgedDataDistinguishesTheSequenceModes) {
    observe(lab::Side::Server,
            {.src_port = 80, .dst_port = 40000, .seq = 5500, .ack = 1100, .flags = packet::Ack},
            200, {.ttl = 62, .id = 41'001, .tos = 0});
    EXPECT_EQ(forged({.seq = lab::Seq::next_expected()}).seq, 5700u);
    EXPECT_EQ(forged({.seq = lab::Seq::receiver_ack()}).seq, 5500u);
}

TEST_P(LabForgery, WindowTosAndPayload) {
    EXPECT_EQ(forged({.window = lab::Window::constant(9300)}).window, 9300);
    EXPECT_EQ(forged({.window = lab::Window::echo_receiver()}).window, 501);
    EXPECT_EQ(forged({.window = lab::Window::copy_sender()}).window, 509);
    EXPECT_EQ(forged({.payload_bytes = 33}).payload.size(), 33u);
    const auto tos = [&](const lab::Forgery& forgery) {
        return lab::parse_segment(*forge(forgery, flow_, lab::Side::Server, hop, 0, random_))->tos;
    };
    EXPECT_EQ(tos({.tos = lab::Tos::constant(2)}), 2);
    EXPECT_EQ(tos({.tos = lab::Tos::echo_receiver()}), 4);
    EXPECT_EQ(tos({.tos = lab::Tos::copy_sender()}), 16);
}

TEST_P(LabForgery, TimestampsCopiedOrStale) {
    const auto option = [&](const lab::TimestampTrait& trait) {
        return lab::parse_segment(
                   *forge({.timestamps = trait}, flow_, lab::Side::Server, hop, 0, random_))
            ->timestamps;
    };
    EXPECT_EQ(option(lab::TimestampTrait::copied()), (Timestamps{901, 70}));
    EXPECT_EQ(option(lab::TimestampTrait::stale(1000)), (Timestamps{901u - 1000u, 70}));
    EXPECT_FALSE(option(lab::TimestampTrait::none()));
    EXPECT_EQ(forged({.timestamps = lab::TimestampTrait::copied()}).options.size(), 12u);
}

TEST_P(LabForgery, MacAddresses) {
    const auto plain = lab::parse_segment(*forge({}, flow_, lab::Side::Server, hop, 0, random_));
    EXPECT_EQ(plain->source_mac, hop.from);
    EXPECT_EQ(plain->destination_mac, hop.to);
    const lab::MacAddress other{{2, 9, 9, 9, 9, 9}};
    const auto spoofed = lab::parse_segment(
        *forge({.source_mac = other}, flow_, lab::Side::Server, hop, 0, random_));
    EXPECT_EQ(spoofed->source_mac, other);
}

TEST_P(LabForgery, StatelessResetIsBareAndExact) {
    const packet::TcpView view = forged(lab::as_stateless_reset());
    EXPECT_EQ(view.flags, packet::Rst);
    EXPECT_EQ(view.seq, 5500u);
    EXPECT_EQ(view.ack, 0u);
    EXPECT_EQ(view.window, 0);
    EXPECT_EQ(view.ttl, 61);
    EXPECT_TRUE(view.options.empty());
    EXPECT_EQ(lab::parse_segment(
                  *forge(lab::as_stateless_reset(), flow_, lab::Side::Server, hop, 0, random_))
                  ->tos,
              4);
    if (ipv4()) {
        EXPECT_EQ(view.ip_id, 0);
        EXPECT_EQ(view.df, true);
    }
}

TEST_P(LabForgery, AnswersAnUnansweredSynAsAClosedPortDoes) {
    flow_ = lab::FlowMemory();
    observe(lab::Side::Client,
            {.src_port = 40000, .dst_port = 80, .seq = 999, .flags = packet::Syn}, 0,
            {.ttl = 63, .id = 1, .tos = 0});
    const packet::TcpView view = forged({});
    EXPECT_EQ(view.src_port, 80);
    EXPECT_EQ(view.seq, 0u);
    EXPECT_EQ(view.ack, 1000u);
}

TEST_P(LabForgery, ForgesNothingForAnUnknownConnection) {
    EXPECT_FALSE(lab::forge({}, lab::FlowMemory(), lab::Side::Server, hop, 0, random_));
}

INSTANTIATE_TEST_SUITE_P(Families, LabForgery, ::testing::Values(lab::Family::V4, lab::Family::V6),
                         [](const auto& info) {
                             return info.param == lab::Family::V4 ? "V4" : "V6";
                         });

}  // namespace
}  // namespace flowstamp::lab
