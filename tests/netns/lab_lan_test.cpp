// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The local network, the shortcut, and firewall rules given as commands: the lab handles packets as
// the scenarios state.
#include "user/lab/lan.h"

#include <gtest/gtest.h>

#include "tests/netns/lab_fixture.h"
#include "user/lab/capture.h"
#include "user/lab/exchange.h"
#include "user/lab/firewall.h"
#include "user/lab/topology.h"

namespace flowstamp::lab {
namespace {

/// One echo round with the server at that address.
lab::DownloadReport talk(const lab::Namespace& client, const lab::IpAddress& server,
                         std::chrono::milliseconds timeout = 5s) {
    return lab::exchange(client, {.server = {server, 80}, .rounds = 1, .timeout = timeout});
}

class LabLan : public LabTest {};

TEST_F(LabLan, NeighboursConnectDirectly) {
    const lab::Lan lan = require(lab::Lan::create());
    const lab::Server server =
        require(lab::Server::start(lan.server(), {.service = lab::Service::Echo}));
    EXPECT_EQ(talk(lan.client(), lan.server().address()).outcome, lab::Outcome::Complete);
    const lab::DownloadReport report = talk(lan.client(), lab::Lan::public_address());
    EXPECT_EQ(report.errno_value, ECONNREFUSED) << "the router's closed port";
}

TEST_F(LabLan, DestinationTranslationAloneIsNotEnough) {
    const lab::Lan lan = require(lab::Lan::create());
    const lab::Server server =
        require(lab::Server::start(lan.server(), {.service = lab::Service::Echo}));
    const lab::Firewall destination =
        require(lab::Firewall::apply(lan.router(),
                                     "iptables -t nat -A PREROUTING -p tcp -d 203.0.113.1 --dport "
                                     "80 -j DNAT --to-destination 192.0.2.20"));
    EXPECT_EQ(talk(lan.client(), lab::Lan::public_address(), 500ms).outcome,
              lab::Outcome::TimedOut);
    const lab::Firewall source = require(lab::Firewall::apply(
        lan.router(), "iptables -t nat -A POSTROUTING -p tcp --dport 80 -j MASQUERADE"));
    EXPECT_EQ(talk(lan.client(), lab::Lan::public_address()).outcome, lab::Outcome::Complete);
}

class LabFirewall : public LabTest {};

TEST_F(LabFirewall, RuleAsTypedIsInForceUntilRemoved) {
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.service = lab::Service::Echo}));
    lab::Firewall rule = require(lab::Firewall::apply(
        lab().router(2),
        "iptables -I FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset"));
    EXPECT_EQ(rule.removal(),
              "iptables -D FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    EXPECT_EQ(talk(lab().client(), lab().server().address()).outcome, lab::Outcome::Refused);
    ASSERT_TRUE(rule.remove());
    EXPECT_EQ(talk(lab().client(), lab().server().address()).outcome, lab::Outcome::Complete);
    EXPECT_TRUE(rule.remove()) << "once is enough";
}

TEST_F(LabFirewall, RefusesACommandThatAddsNoRule) {
    EXPECT_FALSE(lab::Firewall::apply(lab().router(2), "iptables -F FORWARD"));
    EXPECT_FALSE(lab::Firewall::apply(lab().router(2), ""));
}

class LabShortcut : public LabTest {};

TEST_F(LabShortcut, BypassesTheMiddleRouter) {
    const lab::Shortcut shortcut = require(lab::add_shortcut(lab(), 1, 3));
    ASSERT_TRUE(lab().router(3).require(
        {"ip", "route", "replace", "198.51.100.0/24", "via", shortcut.near.text()}));
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.service = lab::Service::Echo}));
    const lab::Capture capture = require(lab::Capture::start(lab().router(2)));
    EXPECT_EQ(talk(lab().client(), lab().server().address()).outcome, lab::Outcome::Complete);
    const auto any_of = [](lab::Side side) {
        return [side](lab::Side from, const lab::Segment&) { return from == side; };
    };
    EXPECT_FALSE(capture.wait_for(any_of(lab::Side::Client), 3, 1s).empty());
    EXPECT_TRUE(capture.wait_for(any_of(lab::Side::Server), 1, 100ms).empty());
}

class LabKeepalive : public LabTest {};

TEST_F(LabKeepalive, ProbesWhileIdle) {
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.service = lab::Service::Echo}));
    const lab::Capture capture = require(lab::Capture::start(lab().router(1)));
    const lab::DownloadReport report = lab::exchange(
        lab().client(),
        {.server = {lab().server().address(), 80}, .rounds = 2, .pause = 2500ms, .keepalive = 1s});
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    // A probe has the sequence number before the next one (RFC 9293, section 3.8.4).
    const auto is_probe = [](lab::Side from, const lab::Segment& segment) {
        return from == lab::Side::Client && segment.flags == Ack && segment.payload_bytes == 0;
    };
    EXPECT_GE(capture.wait_for(is_probe, 5, 100ms).size(), 5u) << "3 of the rounds, 2 probes";
}

}  // namespace
}  // namespace flowstamp::lab
