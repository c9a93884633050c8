// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/kept_syn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/router_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// One connection to the server has been forwarded.
class KeptSynTest : public WatchedRouterTest {
  protected:
    KeptSynTest() {
        bench.host().route = analysis::ThisHost::Route{.ifindex = kOutside, .is_watched = true};
        bench.pass(1s);
        RoutedTalk before{};
        handshake(before);
        exchange(before);
        talk.port++;
        talk.client_next = talk.client_isn = 0x72000000;
        talk.server_next = talk.server_isn = 0x12000000;
    }
    static Segment syn(const RoutedTalk& of) {
        return {.from = Side::client, .flags = Syn, .seq = of.client_isn};
    }
    static Segment syn_ack(const RoutedTalk& of) {
        return {.flags = Syn | Ack, .seq = of.server_isn, .ack = of.client_isn + 1};
    }
    void come_in_twice(const Segment& segment) {
        come_in(talk, segment);
        bench.pass(1s);
        come_in(talk, segment);
    }
    void wait() { bench.pass(analysis::KeptSyn::kWait + 1s); }
    std::vector<std::string> told() const {
        std::vector<std::string> found;
        for (const analysis::Finding& its : bench.findings()) {
            if (its.kind == analysis::FindingKind::local_drop) {
                EXPECT_EQ(its.verdict, FST_VERDICT_SUSPECTED);
                found.push_back(output::summary_text(its));
            }
        }
        return found;
    }

    RoutedTalk talk{};
};

TEST_F(KeptSynTest, CameInAgainAndNeverLeft) {
    come_in_twice(syn(talk));
    wait();
    EXPECT_THAT(
        told(),
        ElementsAre("The SYN 192.0.2.1:40001 > 198.51.100.7:443 came in by eth1 2 times and "
                    "never left by eth2, nor was it answered: probably this host dropped it."));
}

TEST_F(KeptSynTest, SaidOncePerWay) {
    come_in_twice(syn(talk));
    wait();
    talk.port++;
    talk.client_isn = 0x73000000;
    come_in_twice(syn(talk));
    wait();
    EXPECT_EQ(told().size(), 1U);
}

/// A scanner's.
TEST_F(KeptSynTest, OnceAloneIsMissedByNobody) {
    come_in(talk, syn(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

/// A port that is mirrored twice.
TEST_F(KeptSynTest, ACopyIsNotSentAgain) {
    come_in(talk, syn(talk));
    bench.rig().advance_ms(1);
    come_in(talk, syn(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(KeptSynTest, WhatIsForwardedIsNotKept) {
    forward(talk, syn(talk));
    bench.pass(1s);
    forward(talk, syn(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

/// It waited for its next hop's address.
TEST_F(KeptSynTest, NorWhatLeavesLate) {
    come_in_twice(syn(talk));
    bench.pass(2s);
    leave(talk, syn(talk), kInside);
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(KeptSynTest, NorWhatLeavesTranslated) {
    talk.translates = true;
    come_in_twice(syn(talk));
    leave(talk, syn(talk), kInside);
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

/// By a SYN proxy, or a socket of this host to which the connection is redirected.
TEST_F(KeptSynTest, NorWhatIsAccepted) {
    come_in_twice(syn(talk));
    leave(talk, syn_ack(talk), 0);
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

/// By a REJECT rule.
TEST_F(KeptSynTest, NorWhatIsRefused) {
    come_in_twice(syn(talk));
    leave(talk, {.flags = Rst | Ack, .ack = talk.client_isn + 1, .ttl = 64}, 0);
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(KeptSynTest, NorWhatIsForThisHost) {
    bench.host().route->is_own = true;
    come_in_twice(syn(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

/// Its way may lead where it is not seen as it is: into an IPsec tunnel, or past tc.
TEST_F(KeptSynTest, NorWhereNothingIsKnownToBeForwarded) {
    talk.v6 = true;
    come_in_twice(syn(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(KeptSynTest, NorWhereTheRouteLeadsElsewhereNow) {
    bench.host().route->ifindex = 77;
    come_in_twice(syn(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(KeptSynTest, NothingIsSaidWhereItMayHavePassedUnseen) {
    bench.host().watched_whole = false;
    come_in_twice(syn(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(KeptSynTest, NothingIsSaidIfEventsWereLost) {
    come_in_twice(syn(talk));
    bench.host().lost++;
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(KeptSynTest, AnAnswerThatNeverLeft) {
    forward(talk, syn(talk));
    come_in_twice(syn_ack(talk));
    wait();
    EXPECT_THAT(
        told(),
        ElementsAre("The SYN-ACK 198.51.100.7:443 > 192.0.2.1:40001 came in by eth2 2 times "
                    "and never left by eth1, by which its SYN came in: probably this host "
                    "dropped it."));
}

TEST_F(KeptSynTest, AnAnswerThatLeftLate) {
    forward(talk, syn(talk));
    come_in_twice(syn_ack(talk));
    leave(talk, syn_ack(talk), kOutside);
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

/// The router's own connection.
TEST_F(KeptSynTest, AnAnswerToThisHost) {
    leave(talk, syn(talk), 0);
    come_in_twice(syn_ack(talk));
    wait();
    EXPECT_THAT(told(), IsEmpty());
}

}  // namespace
}  // namespace flowstamp::testing
