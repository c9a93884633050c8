// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Forged resets by careful injectors: what was once undetected is found when the server goes on.
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "tests/netns/stress_fixture.h"
#include "user/lab/injector.h"

namespace flowstamp::lab {
namespace {

constexpr unsigned kInjectorRouter = 2;
// Differs in every one of the probe's 32 profile bits from Linux' scaled windows, 500 to 512.
constexpr lab::Window kForeign = lab::Window::constant(1000);
constexpr std::size_t kBurst = 16'384;

/// What the server of `stream` has sent with the last byte of its nth burst.
constexpr std::uint64_t after_burst(unsigned n) {
    return std::uint64_t{n} * kBurst;
}

class StressForged : public StressTest, public ::testing::WithParamInterface<lab::Family> {
  protected:
    lab::Injector inject(lab::Forgery forgery, std::uint64_t after_server_bytes,
                         unsigned times = 1) {
        return require(lab::Injector::start(
            lab().router(kInjectorRouter),
            {.trigger = {.after_server_bytes = after_server_bytes, .times = times},
             .forgery = forgery}));
    }

    /// Sends a burst every 40 ms, whatever the client sends. A forgery is exact in the pause after
    /// the last byte of a burst, and nowhere else: inject `after_burst`.
    ScriptedServer stream() {
        return {lab().server(),
                {lab::IpAddress::any(GetParam()), 80},
                [](const Fd& socket, const lab::WaitLimit& limit) {
                    for (int i = 0; i < 40; ++i) {
                        if (!lab::send_all(socket, some_bytes(kBurst), limit) ||
                            !lab::pause(40ms, limit)) {
                            return;
                        }
                    }
                }};
    }

    Fd connect_to_server() { return require(connect_from(lab().client(), GetParam())); }

    /// Stops the watch: expects this many resets in the server's name, each finally confirmed.
    void stop_confirmed(fst_verdict on_arrival, std::size_t resets = 1) {
        ASSERT_TRUE(wait_for_resets(resets));
        watch_->wait_for(
            [](const WatchLog& log) {
                return std::ranges::all_of(
                    log.server_resets(), [](const Updates<analysis::Reset>& reset) {
                        return reset.last.judgement.verdict == FST_VERDICT_CONFIRMED;
                    });
            },
            1s);
        const WatchLog log = watch_->stop();
        const auto forged = log.server_resets();
        ASSERT_EQ(forged.size(), resets) << log.text();
        for (const auto& [first, last] : forged) {
            EXPECT_EQ(first.judgement.verdict, on_arrival) << log.text();
            EXPECT_EQ(last.judgement.verdict, FST_VERDICT_CONFIRMED) << log.text();
        }
        ASSERT_EQ(log.findings.size(), 1u) << log.text();
        EXPECT_EQ(log.findings[0].last.kind, analysis::FindingKind::forged_rst);
        EXPECT_EQ(log.findings[0].last.verdict, FST_VERDICT_CONFIRMED);
    }
};

/// From the server's distance, with the next IP-ID, across a long path.
TEST_P(StressForged, NextIdAcrossALongPath) {
    const lab::Forwarder path = require(lab::Forwarder::start(lab(), 3, {.link = {.delay = 20ms}}));
    const ScriptedServer server = stream();
    watch();
    const lab::Injector injector =
        inject({.ttl = lab::Ttl::as_peer(), .ip_id = lab::IpId::continue_sender()}, after_burst(7));
    EXPECT_TRUE(ends_by_reset(connect_to_server()));
    stop_confirmed(FST_VERDICT_GENUINE);
}

/// Byte for byte the answer of a kernel that does not know the connection, 40 ms away; but nothing
/// can have caused it: the client was idle, and its latest ACK has not arrived there yet.
TEST_P(StressForged, StatelessCopyWithoutCause) {
    const lab::Forwarder path = require(lab::Forwarder::start(lab(), 3, {.link = {.delay = 20ms}}));
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(GetParam()), 80},
        [](const Fd& socket, const lab::WaitLimit& limit) {
            require_ok(lab::send_all(socket, some_bytes(10'000), limit));
            lab::pause(1500ms, limit);
            for (int i = 0; i < 60; ++i) {
                if (!lab::send_all(socket, some_bytes(1000), limit) || !lab::pause(15ms, limit)) {
                    return;
                }
            }
        });
    watch();
    const lab::Injector injector = inject(lab::as_stateless_reset(), 10'500);
    EXPECT_TRUE(ends_by_reset(connect_to_server()));
    stop_confirmed(FST_VERDICT_GENUINE);
}

/// The client has sent everything, and only receives: its FIN explains none of this.
TEST_P(StressForged, OnAHalfClosedConnection) {
    const ScriptedServer server = stream();
    watch();
    const lab::Injector injector = inject({.flags = Rst, .window = kForeign}, after_burst(7));
    const Fd socket = connect_to_server();
    require_ok(lab::send_all(socket, some_bytes(10), limit()));
    shutdown(socket.get(), SHUT_WR);
    EXPECT_TRUE(ends_by_reset(socket));
    stop_confirmed(FST_VERDICT_SUSPECTED);
}

TEST_P(StressForged, OnAHalfClosedConnectionFromTheServersDistance) {
    const ScriptedServer server = stream();
    watch();
    const lab::Injector injector =
        inject({.ttl = lab::Ttl::as_peer(), .ip_id = lab::IpId::continue_sender()}, after_burst(7));
    const Fd socket = connect_to_server();
    require_ok(lab::send_all(socket, some_bytes(10), limit()));
    shutdown(socket.get(), SHUT_WR);
    EXPECT_TRUE(ends_by_reset(socket));
    stop_confirmed(FST_VERDICT_GENUINE);
}

/// First a FIN that the client's stack ignores, meant to cancel weak corroborating evidence.
TEST_P(StressForged, AfterASpoofedFin) {
    const ScriptedServer server = stream();
    watch();
    const lab::Injector fin = inject({.flags = Fin | Ack,
                                      .ttl = lab::Ttl::as_peer(),
                                      .ip_id = lab::IpId::continue_sender(),
                                      .seq = lab::Seq::next_expected(3'900'000),
                                      .window = lab::Window::copy_sender(),
                                      .timestamps = lab::TimestampTrait::copied()},
                                     after_burst(4));
    const lab::Injector injector =
        inject({.ttl = lab::Ttl::as_peer(), .window = kForeign}, after_burst(10));
    EXPECT_TRUE(ends_by_reset(connect_to_server()));
    EXPECT_EQ(fin.injected(1, 1s).size(), 1u);
    // It cancels nothing: IPv6 has no IP-ID, so that one weak family is left on arrival.
    stop_confirmed(GetParam() == lab::Family::V4 ? FST_VERDICT_SUSPECTED : FST_VERDICT_GENUINE);
}

/// First some ACKs meant to make flowstamp learn that the server is at the injector's distance. At
/// XDP, as on a cable: at tc a burst is one large segment that ends with PSH, and no ACK is a copy
/// of that.
TEST_P(StressForged, AfterSpoofedAcks) {
    const ScriptedServer server = stream();
    cmd::WatchOptions at_xdp;
    at_xdp.hook = kernel::IngressChoice::xdp;
    watch(at_xdp);
    const lab::Injector acks = inject({.flags = Ack,
                                       .ip_id = lab::IpId::continue_sender(),
                                       .window = lab::Window::copy_sender(),
                                       .timestamps = lab::TimestampTrait::copied()},
                                      after_burst(4), 3);
    const lab::Injector injector = inject({.flags = Rst, .window = kForeign}, after_burst(13));
    EXPECT_TRUE(ends_by_reset(connect_to_server()));
    EXPECT_EQ(acks.injected(3, 1s).size(), 3u);
    stop_confirmed(FST_VERDICT_CONFIRMED);  // ACKs that move no edge teach no distance
}

INSTANTIATE_TEST_SUITE_P(Families, StressForged, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
