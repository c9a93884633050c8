// SPDX-License-Identifier: Apache-2.0
//
// The local network, the shortcut, and rules as a person types them: that the lab does with packets
// what its stories say.
#include "user/lab/lan.h"

#include <gtest/gtest.h>

#include "tests/netns/lab_fixture.h"
#include "user/lab/capture.h"
#include "user/lab/exchange.h"
#include "user/lab/firewall.h"
#include "user/lab/shortcut.h"

namespace flowstamp::lab {
namespace {

/// One round of an echo with the server as that address.
DownloadReport talk(const Namespace& client, const IpAddress& server,
                    std::chrono::milliseconds timeout = 5s) {
    return exchange(client, {.server = {server, 80}, .rounds = 1, .timeout = timeout});
}

class LabLan : public LabTest {};

TEST_F(LabLan, NeighboursTalkDirectlyAndGetWhatTheRouterHasOnlyThroughIt) {
    const Lan lan = require(Lan::create());
    const Server server = require(Server::start(lan.server(), {.service = Service::Echo}));
    EXPECT_EQ(talk(lan.client(), lan.server().address()).outcome, Outcome::Complete);
    const DownloadReport report = talk(lan.client(), Lan::public_address());
    EXPECT_EQ(report.errno_value, ECONNREFUSED) << "the router's, where nobody listens";
}

TEST_F(LabLan, DestinationTranslationAloneIsNotEnough) {
    const Lan lan = require(Lan::create());
    const Server server = require(Server::start(lan.server(), {.service = Service::Echo}));
    const Firewall destination =
        require(Firewall::apply(lan.router(),
                                "iptables -t nat -A PREROUTING -p tcp -d 203.0.113.1 --dport "
                                "80 -j DNAT --to-destination 192.0.2.20"));
    EXPECT_EQ(talk(lan.client(), Lan::public_address(), 500ms).outcome, Outcome::TimedOut);
    const Firewall source = require(Firewall::apply(
        lan.router(), "iptables -t nat -A POSTROUTING -p tcp --dport 80 -j MASQUERADE"));
    EXPECT_EQ(talk(lan.client(), Lan::public_address()).outcome, Outcome::Complete);
}

class LabFirewall : public LabTest {};

TEST_F(LabFirewall, ARuleAsTypedHoldsUntilItIsRemoved) {
    const Server server = require(Server::start(lab().server(), {.service = Service::Echo}));
    Firewall rule = require(
        Firewall::apply(lab().router(2),
                        "iptables -I FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset"));
    EXPECT_EQ(rule.removal(),
              "iptables -D FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    EXPECT_EQ(talk(lab().client(), lab().server().address()).outcome, Outcome::Refused);
    ASSERT_TRUE(rule.remove());
    EXPECT_EQ(talk(lab().client(), lab().server().address()).outcome, Outcome::Complete);
    EXPECT_TRUE(rule.remove()) << "once is enough";
}

TEST_F(LabFirewall, RefusesWhatAddsNoRule) {
    EXPECT_FALSE(Firewall::apply(lab().router(2), "iptables -F FORWARD"));
    EXPECT_FALSE(Firewall::apply(lab().router(2), ""));
}

class LabShortcut : public LabTest {};

TEST_F(LabShortcut, LeadsPastTheMiddle) {
    const Shortcut shortcut = require(add_shortcut(lab(), 1, 3));
    ASSERT_TRUE(lab().router(3).require(
        {"ip", "route", "replace", "198.51.100.0/24", "via", shortcut.near.text()}));
    const Server server = require(Server::start(lab().server(), {.service = Service::Echo}));
    const Capture capture = require(Capture::start(lab().router(2)));
    EXPECT_EQ(talk(lab().client(), lab().server().address()).outcome, Outcome::Complete);
    const auto any_of = [](Side side) {
        return [side](Side from, const Segment&) { return from == side; };
    };
    EXPECT_FALSE(capture.wait_for(any_of(Side::Client), 3, 1s).empty());
    EXPECT_TRUE(capture.wait_for(any_of(Side::Server), 1, 100ms).empty());
}

class LabKeepalive : public LabTest {};

TEST_F(LabKeepalive, ProbesWhileNothingIsSaid) {
    const Server server = require(Server::start(lab().server(), {.service = Service::Echo}));
    const Capture capture = require(Capture::start(lab().router(1)));
    const DownloadReport report = exchange(
        lab().client(),
        {.server = {lab().server().address(), 80}, .rounds = 2, .pause = 2500ms, .keepalive = 1s});
    EXPECT_EQ(report.outcome, Outcome::Complete);
    // A probe repeats the sequence number before the next one (RFC 9293, section 3.8.4).
    const auto is_probe = [](Side from, const Segment& segment) {
        return from == Side::Client && segment.flags == Ack && segment.payload_bytes == 0;
    };
    EXPECT_GE(capture.wait_for(is_probe, 5, 100ms).size(), 5u) << "3 of the rounds, 2 probes";
}

}  // namespace
}  // namespace flowstamp::lab
