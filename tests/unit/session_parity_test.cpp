// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The same packets give the same findings, live and replayed. A flow's end ends its open findings.
#include <gtest/gtest.h>

#include <string>

#include "tests/datapath/capture_rig.h"
#include "tests/support/replayed.h"
#include "tests/unit/analysis_bench.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

/// Both ends send FIN, and another connection uses the ports at once: the old flow has ended.
void end_and_restart(Conversation& talk) {
    talk.send(End::us, TcpFlags(Fin | Ack));
    Segment fin = talk.next(End::peer, TcpFlags(Fin | Ack));
    talk.send(fin);
    talk.pass_ms(20);
    talk.restart(0x55000000, 0x66000000);
    talk.open();
}

/// Data that is retransmitted by timer and never acknowledged.
void stall(Conversation& talk) {
    Segment data = talk.next(End::us, TcpFlags(Psh | Ack), 300);
    talk.send(data);
    for (const std::uint64_t wait_ms : {300U, 600U, 1200U, 2400U, 4800U, 9600U, 19200U}) {
        talk.pass_ms(wait_ms);
        data.id++;
        talk.send(data);
    }
}

void stall_then_end(Rig& rig) {
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(3);
    stall(talk);
    // The peer's FIN does not acknowledge it.
    const fst_direction peer = talk.direction(End::peer);
    Segment fin = talk.next(End::peer, TcpFlags(Fin | Ack));
    fin.ack = peer.ack_edge;
    talk.send(End::us, TcpFlags(Fin | Ack));
    talk.send(fin);
    talk.pass_ms(20);
    talk.restart(0x55000000, 0x66000000);
    talk.open();
}

void idle_then_end(Rig& rig) {
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(3);
    talk.pass_ms(60'000);
    stall(talk);
    end_and_restart(talk);
}

void shift_then_end(Rig& rig) {
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open();
    talk.traits(End::peer).ttl -= 5;
    talk.exchange(4);
    stall(talk);
    end_and_restart(talk);
}

std::string live(void (*play)(Rig&)) {
    AnalysisBench bench;
    play(bench.rig());
    bench.finish();
    return bench.findings_text();
}

std::string replayed(void (*play)(Rig&)) {
    CaptureRig rig;
    play(rig);
    const auto path = cmd::make_host_path(1024);
    std::string text;
    for (const output::Json& event :
         replay(std::make_unique<net::MemorySource>(rig.file()), **path).of("finding")) {
        const output::Json& finding = event["finding"];
        text += text.empty() ? "" : ", ";
        text += finding["kind"].get<std::string>() + " " +
                finding.value("resolution", finding["verdict"].get<std::string>());
    }
    return text;
}

TEST(SessionParity, AStallWhoseFlowEnds) {
    EXPECT_EQ(live(stall_then_end), "stalled confirmed, stalled ended");
    EXPECT_EQ(replayed(stall_then_end), live(stall_then_end));
}

TEST(SessionParity, AnIdleTimeOutWhoseFlowEnds) {
    EXPECT_NE(live(idle_then_end).find("idle-timeout confirmed"), std::string::npos);
    EXPECT_EQ(replayed(idle_then_end), live(idle_then_end));
}

TEST(SessionParity, ATtlShiftWhoseFlowEnds) {
    EXPECT_NE(live(shift_then_end).find("ttl-shift suspected"), std::string::npos);
    EXPECT_EQ(replayed(shift_then_end), live(shift_then_end));
}

}  // namespace
}  // namespace flowstamp::testing
