// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/ttl_shift.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct Shift {
    std::uint8_t before, after;
    const char* expected;
};

TEST(TtlShift, TwoHopsAreReportedOneHopOrAnotherInitialTtlAreNot) {
    for (const Shift& shift :
         {Shift{57, 59, "ttl-shift suspected"}, Shift{57, 52, "ttl-shift suspected"},
          Shift{57, 58, ""}, Shift{57, 121, ""}, Shift{242, 115, ""}, Shift{231, 212, ""}}) {
        SCOPED_TRACE(::testing::Message() << int{shift.before} << " " << int{shift.after});
        AnalysisBench bench;
        Conversation talk(bench.rig(), FST_HOOK_XDP,
                          {.peer = {.ttl = shift.before, .mac = "00:00:5e:00:53:02"}});
        talk.open();
        talk.traits(End::peer).ttl = shift.after;
        talk.exchange(5);
        bench.pass(1s);
        talk.send(End::us, Rst | Ack);
        EXPECT_EQ(bench.findings_text(), shift.expected);
    }
}

TEST(TtlShift, AProxyAnsweredTheHandshake) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP, {.peer = {.ttl = 63, .mac = "00:00:5e:00:53:02"}});
    talk.open();
    talk.traits(End::peer).ttl = 55;
    talk.exchange(4);
    bench.pass(1s);
    talk.send(End::us, Rst | Ack);
    ASSERT_EQ(bench.findings_text(), "ttl-shift suspected");
    EXPECT_NE(output::summary_text(bench.findings()[0]).find("a proxy accepts"), std::string::npos)
        << output::summary_text(bench.findings()[0]);
}

TEST(TtlShift, TheOpenerMoved) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP, {.us = {.ttl = 60, .mac = "00:00:5e:00:53:01"}});
    talk.open();
    talk.traits(End::us).ttl = 52;
    talk.exchange(4);
    bench.pass(1s);
    talk.send(End::us, Rst | Ack);
    ASSERT_EQ(bench.findings_text(), "ttl-shift suspected");
    EXPECT_NE(output::summary_text(bench.findings()[0]).find("opened the connection from 4 hops"),
              std::string::npos)
        << output::summary_text(bench.findings()[0]);
}

TEST(TtlShift, AStalledConnection) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP, {.peer = {.ttl = 63, .mac = "00:00:5e:00:53:02"}});
    talk.open();
    talk.traits(End::peer).ttl = 55;
    talk.exchange(4);
    bench.pass(1s);
    Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    for (const auto wait : {300ms, 600ms, 1200ms}) {
        bench.pass(wait);
        data.id++;
        talk.send(data);
    }
    EXPECT_NE(bench.findings_text().find("ttl-shift suspected"), std::string::npos)
        << bench.findings_text();
}

TEST(TtlShift, OnePacketWithAnotherTtlIsNotReported) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.open().exchange(3);
    Segment other = talk.next(End::peer, Psh | Ack, 100);
    other.ttl += 4;
    talk.send(other);
    talk.exchange(3);
    bench.pass(20s);
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
