// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/kept_reset.h"

#include <gtest/gtest.h>

#include "tests/unit/router_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

class KeptResetTest : public WatchedRouterTest {
  protected:
    KeptResetTest() {
        bench.pass(1s);
        handshake(talk);
        exchange(talk);
    }
    void wait() { bench.pass(analysis::KeptReset::kWait + 1s); }

    RoutedTalk talk{};
};

TEST_F(KeptResetTest, CameInAndNeverLeft) {
    come_in(talk, reset(talk, 57));
    wait();
    ASSERT_EQ(bench.findings_text(), "local-drop suspected");
    EXPECT_EQ(
        output::summary_text(bench.findings()[0]),
        "The reset 198.51.100.7:443 > 192.0.2.1:40000 came in by eth2 and never left by eth1: "
        "probably this host dropped it.");
}

TEST_F(KeptResetTest, SaidOncePerWay) {
    come_in(talk, reset(talk, 57));
    wait();
    RoutedTalk other{};
    other.port++;
    other.client_next = other.client_isn = 0x72000000;
    other.server_next = other.server_isn = 0x12000000;
    handshake(other);
    exchange(other);
    come_in(other, reset(other, 57));
    wait();
    EXPECT_EQ(bench.findings().size(), 1U);
}

TEST_F(KeptResetTest, WhatIsForwardedIsNotKept) {
    forward(talk, reset(talk, 57));
    wait();
    EXPECT_EQ(bench.findings_text(), "");
}

/// It waited for its next hop's address.
TEST_F(KeptResetTest, NorWhatLeavesLate) {
    come_in(talk, reset(talk, 57));
    bench.pass(3s);
    leave(talk, reset(talk, 57), kOutside);
    wait();
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(KeptResetTest, NothingIsSaidWhereItMayHavePassedUnseen) {
    bench.host().watched_whole = false;
    come_in(talk, reset(talk, 57));
    wait();
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(KeptResetTest, NothingIsSaidIfEventsWereLost) {
    come_in(talk, reset(talk, 57));
    bench.host().lost++;
    wait();
    EXPECT_EQ(bench.findings_text(), "");
}

/// Nobody would take it in, so nobody misses it.
TEST_F(KeptResetTest, OutsideOfTheWindowItMattersNot) {
    Segment blind = reset(talk, 57);
    blind.seq += 1U << 30;
    come_in(talk, blind);
    wait();
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(KeptResetTest, TheReceiverIsThisHost) {
    RoutedTalk own{};
    own.port += 7;
    own.client_next = own.client_isn = 0x71000000;
    own.server_next = own.server_isn = 0x11000000;
    leave(own, {.from = Side::client, .flags = Syn, .seq = own.client_next++}, 0);
    come_in(own, {.flags = Syn | Ack, .seq = own.server_next++, .ack = own.client_next});
    leave(own, {.from = Side::client, .seq = own.client_next, .ack = own.server_next}, 0);
    come_in(own, reset(own, 57));
    wait();
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
