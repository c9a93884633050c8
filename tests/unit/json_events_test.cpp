// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/json_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/json_schema.h"
#include "tests/support/recording_sink.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;
using flowstamp::testing::FlowScript;
using flowstamp::testing::ForgedRstBench;
using flowstamp::testing::JsonSchema;
using flowstamp::testing::kClient;
using flowstamp::testing::key_of;
using flowstamp::testing::kServer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kAccepted = FST_CONTEXT_IN_WINDOW | FST_CONTEXT_EXACT;

std::vector<std::string> violations(const output::Json& event) {
    static const JsonSchema schema =
        JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    // As a reader gets it: from the written line.
    return schema.violations(nlohmann::json::parse(event.dump()));
}

/// All events that this bench has reported.
std::vector<output::Json> events_of(const ForgedRstBench& bench) {
    std::vector<output::Json> events;
    events.reserve(bench.sink.resets.size() + bench.sink.findings.size());
    for (const analysis::Reset& reset : bench.sink.resets) {
        events.push_back(output::json_of(reset));
    }
    for (const analysis::Finding& finding : bench.sink.findings) {
        events.push_back(output::json_of(finding));
    }
    return events;
}

void expect_described(const ForgedRstBench& bench) {
    for (const output::Json& event : events_of(bench)) {
        EXPECT_THAT(violations(event), IsEmpty()) << event.dump(2);
    }
}

analysis::FlowRecord example_record() {
    return {.slot = example_flow(),
            .slot_index = 7,
            .interface = "eth0",
            .end = analysis::FlowEnd::closed,
            .wall = 1'795'000'003s,
            .start = 1'794'999'990s,
            .last = 1'795'000'000s};
}

TEST(EventsSchema, DescribesAFindingWithEverySignal) {
    for (const analysis::SignalEntry& entry : analysis::every_signal()) {
        if (!entry.family) {
            continue;
        }
        const auto signal = static_cast<fst_signal>(entry.signal);
        ForgedRstBench bench;
        FlowScript script;
        bench.observe(script.rst({.ttl = 60,
                                  .ip_id = 0x0502,
                                  .window = 501,
                                  .ts_val = 700'001,
                                  .signals = FST_SIGNAL_BIT(signal),
                                  .verdict = FST_VERDICT_SUSPECTED}));
        ASSERT_THAT(bench.sink.findings, SizeIs(1));
        expect_described(bench);
        EXPECT_EQ(events_of(bench)[0]["reset"]["evidence"][0]["signal"], entry.name);
    }
}

TEST(EventsSchema, DescribesEveryValueOfAJudgement) {
    for (int cause = 0; cause <= FST_CAUSE_CLOSED; cause++) {
        for (int action = 0; action <= FST_ACTION_DROPPED; action++) {
            for (int challenge = 0; challenge <= FST_CHALLENGE_UNANSWERED; challenge++) {
                analysis::Reset reset{.id = 1, .sighting = {.interface = "eth0"}};
                reset.sighting.packet = FlowScript().rst({}).event.packet;
                reset.judgement.cause = static_cast<__u8>(cause);
                reset.judgement.action = static_cast<__u8>(action);
                reset.judgement.challenge = static_cast<__u8>(challenge);
                EXPECT_THAT(violations(output::json_of(reset)), IsEmpty());
            }
        }
    }
    for (int reason = 0; reason <= FST_PASS_OPTIONS; reason++) {
        analysis::Reset reset{.id = 1, .answers = 7};
        reset.sighting.packet = FlowScript().rst({}).event.packet;
        reset.judgement.pass_reason = static_cast<__u8>(reason);
        const output::Json event = output::json_of(reset);
        EXPECT_THAT(violations(event), IsEmpty());
        EXPECT_EQ(event["reset"].contains("passed_because"), reason > FST_PASS_ANSWER);
    }
}

TEST(EventsSchema, DescribesEveryOutcomeOfAChallenge) {
    ForgedRstBench bench;
    FlowScript script;
    bench.observe(
        script.at(0ms).rst({.action = FST_ACTION_CHALLENGED, .challenge = FST_CHALLENGE_ASKED}));
    bench.observe(script.at(20ms).later({.signals = FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_CLOCK),
                                         .challenge = FST_CHALLENGE_REFUTED}));
    bench.observe(script.at(9s).rst({.signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER),
                                     .action = FST_ACTION_CHALLENGED,
                                     .challenge = FST_CHALLENGE_ASKED}));
    bench.observe(script.at(9100ms).rst({.challenge = FST_CHALLENGE_UPHELD}));
    bench.slots.flows[script.slot()] = script.flow();
    bench.slots.flows[script.slot()].direction[kServer].last_ns += 60'000'000'000;
    bench.advance(script.at(20s).now());
    bench.detector.finish(bench.sink);
    EXPECT_GE(events_of(bench).size(), 7U);
    expect_described(bench);
}

TEST(EventsSchema, DescribesIpv6) {
    ForgedRstBench bench;
    FlowScript script;
    script.flow().key = key_of("2001:db8::1", 40000, "2001:db8:7::7", 443, 3);
    analysis::Observation rst =
        script.rst({.ttl = 60, .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)});
    rst.event.packet.flags = FST_PACKET_IPV6 | FST_PACKET_MAC;
    bench.observe(rst);
    expect_described(bench);
    const output::Json event = events_of(bench)[1];
    EXPECT_EQ(event["src_ip"], "2001:db8:7::7");
    EXPECT_EQ(event["packet"]["hoplimit"], 60);
    EXPECT_EQ(event["packet"]["src_mac"], "00:00:00:00:00:00");
    for (const char* absent : {"ttl", "ipid", "df"}) {
        EXPECT_FALSE(event["packet"].contains(absent)) << absent;
    }
    EXPECT_FALSE(event["stamps"]["src"][0].contains("ipid"));
}

TEST(EventsSchema, DescribesFlowsHoweverTheyEnd) {
    for (int end = 0; end <= static_cast<int>(analysis::FlowEnd::open); end++) {
        analysis::FlowRecord record = example_record();
        record.end = static_cast<analysis::FlowEnd>(end);
        EXPECT_THAT(violations(output::json_of(record)), IsEmpty());
    }
    analysis::FlowRecord bare;
    bare.slot.key = flowstamp::testing::example_key();
    bare.interface = "eth0";
    EXPECT_THAT(violations(output::json_of(bare)), IsEmpty());
    EXPECT_THAT(violations(output::json_of(output::OpenFlow{example_record(), 0s})), IsEmpty());
}

TEST(EventsSchema, DescribesEveryStageAndSignature) {
    analysis::FlowRecord record = example_record();
    for (const analysis::HandshakeStage stage :
         {analysis::HandshakeStage::syn, analysis::HandshakeStage::ack,
          analysis::HandshakeStage::psh, analysis::HandshakeStage::later}) {
        record.stage = stage;
        EXPECT_THAT(violations(output::json_of(record)), IsEmpty());
    }
    for (std::size_t i = 0; i < analysis::kTamperingSignatures; i++) {
        record.signature = {static_cast<analysis::TamperingSignature>(i), kServer};
        EXPECT_THAT(violations(output::json_of(record)), IsEmpty());
    }
}

TEST(EventsSchema, DescribesStatistics) {
    analysis::Stats stats;
    stats.wall = 1'795'000'000s;
    stats.uptime = 1500ms;
    for (std::size_t i = 0; i < stats.counters.size(); i++) {
        stats.counters[i] = 1000 + i;
    }
    const output::Json event = output::json_of(stats);
    EXPECT_THAT(violations(event), IsEmpty());
    EXPECT_EQ(event["stats"]["uptime_s"], 1.5);
    EXPECT_EQ(event["stats"]["lost"]["events"], 1000 + FST_COUNT_EVENT_LOST);
    EXPECT_EQ(event["stats"]["lost"]["openings_unsampled"], 1000 + FST_COUNT_OPENING_UNSAMPLED);
    EXPECT_EQ(event["stats"]["resets"]["challenged"], 1000 + FST_COUNT_CHALLENGED);
    EXPECT_FALSE(event["stats"].contains("stamps"));
    stats.stamps = {.written = 5, .lost = 2};
    const output::Json with_stamps = output::json_of(stats);
    EXPECT_THAT(violations(with_stamps), IsEmpty());
    EXPECT_EQ(with_stamps["stats"]["stamps"]["written"], 5);
    EXPECT_EQ(with_stamps["stats"]["stamps"]["lost"], 2);
}

TEST(EventsSchema, DescribesWhatWasLeftOut) {
    const output::Json event =
        output::json_of(output::LeftOut{.wall = 1s, .above_bound = 3, .not_taken = 2, .total = 7});
    EXPECT_THAT(violations(event), IsEmpty()) << event.dump(2);
    EXPECT_EQ(event["left_out"]["total"], 7);
}

TEST(EventsSchema, DescribesEveryChangeOfAnInterface) {
    for (std::size_t i = 0; i < net::kInterfaceChangeNames.size(); i++) {
        net::InterfaceChange change{.kind = static_cast<net::InterfaceChange::Kind>(i),
                                    .name = "eth1",
                                    .index = 7,
                                    .wall = 1'795'000'000s};
        const output::Json event = output::json_of(change);
        EXPECT_THAT(violations(event), IsEmpty()) << event.dump(2);
        EXPECT_EQ(event["interface"]["change"], net::kInterfaceChangeNames[i]);
        change.name_was = "eth0";
        change.mtu = 9000;
        change.mtu_was = 1500;
        change.is_watched = true;
        change.ingress = "xdp";
        change.egress = "tcx";
        change.reason = "no such device";
        EXPECT_THAT(violations(output::json_of(change)), IsEmpty());
    }
}

TEST(EventsSchema, RefusesWhatItDoesNotDescribe) {
    ForgedRstBench bench;
    FlowScript script;
    bench.observe(script.rst({}));
    const output::Json event = events_of(bench)[0];
    ASSERT_THAT(violations(event), IsEmpty());
    output::Json changed = event;
    changed["reset"]["verdict"] = "maybe";
    EXPECT_THAT(violations(changed), Not(IsEmpty()));
    changed = event;
    changed["reset"]["id"] = "1";
    EXPECT_THAT(violations(changed), Not(IsEmpty()));
    changed = event;
    changed["reset"]["challenge"] = nullptr;
    EXPECT_THAT(violations(changed), Not(IsEmpty()));
    changed = event;
    changed.erase("src_ip");
    EXPECT_THAT(violations(changed), Not(IsEmpty()));
    changed = event;
    changed["surprise"] = 1;
    EXPECT_THAT(violations(changed), Not(IsEmpty()));
    changed = event;
    changed["src_port"] = 65536;
    EXPECT_THAT(violations(changed), Not(IsEmpty()));
    changed = event;
    changed["timestamp"] = "2026-11-20 12:00:00";
    EXPECT_THAT(violations(changed), Not(IsEmpty()));
    EXPECT_THROW((void)JsonSchema(nlohmann::json{{"anyOf", 1}}).violations(1),
                 std::invalid_argument);
}

TEST(JsonEvents, DescribeAReset) {
    ForgedRstBench bench;
    FlowScript script;
    bench.observe(script.rst({.seq = 5000,
                              .ack = 2001,
                              .tcp_flags = FST_TCP_RST | FST_TCP_ACK,
                              .ip_id = 0x1a2c,
                              .window = 64,
                              .cause = FST_CAUSE_ABORT}));
    const output::Json event = events_of(bench)[0];
    EXPECT_EQ(event["event_type"], "reset");
    EXPECT_EQ(event["timestamp"], "2026-11-18T11:06:40.000000+0000");
    EXPECT_EQ(event["in_iface"], "eth0");
    EXPECT_EQ(event["src_ip"], "198.51.100.7");
    EXPECT_EQ(event["src_port"], 443);
    EXPECT_EQ(event["dest_ip"], "192.0.2.1");
    EXPECT_EQ(event["dest_port"], 40000);
    EXPECT_EQ(event["reset"]["verdict"], "genuine");
    EXPECT_EQ(event["reset"]["cause"], "abort");
    EXPECT_EQ(event["reset"]["action"], "observed");
    EXPECT_FALSE(event["reset"].contains("challenge"));
    EXPECT_EQ(event["packet"]["ttl"], 52);
    EXPECT_EQ(event["packet"]["hops"], 12);
    EXPECT_EQ(event["packet"]["ipid"], 0x1a2c);
    EXPECT_EQ(event["packet"]["df"], true);
    EXPECT_EQ(event["packet"]["tcp_flags"], "14");
    EXPECT_EQ(event["packet"]["tcpseq"], 5000);
    EXPECT_EQ(event["packet"]["tcpack"], 2001);
    EXPECT_EQ(event["packet"]["tcpwin"], 64);
    EXPECT_FALSE(event["packet"].contains("src_mac"));
}

TEST(JsonEvents, HaveEvidenceForAGenuineReset) {
    ForgedRstBench bench;
    FlowScript script;
    bench.observe(
        script.rst({.context = kAccepted | FST_CONTEXT_STATELESS | FST_CONTEXT_PROVOKED}));
    const output::Json event = events_of(bench)[0];
    EXPECT_THAT(violations(event), IsEmpty());
    const output::Json& evidence = event["reset"]["evidence"];
    ASSERT_THAT(evidence, SizeIs(2));
    EXPECT_EQ(evidence[0]["signal"], "same-distance");
    EXPECT_EQ(evidence[0]["strength"], "benign");
    EXPECT_EQ(evidence[0]["observed"], (output::Json{{"ttl", 52}, {"hops", 12}}));
    EXPECT_EQ(evidence[0]["baseline"], (output::Json{{"ttl", {52}}, {"hops", 12}}));
    EXPECT_EQ(evidence[1]["signal"], "stateless-shape");
    EXPECT_EQ(evidence[1]["baseline"].size(), 1U);
}

TEST(JsonEvents, HaveStageAndTamperingSignature) {
    analysis::FlowRecord record = example_record();
    EXPECT_FALSE(output::json_of(record)["flow"].contains("stage"));
    EXPECT_FALSE(output::json_of(record)["flow"].contains("signature_from"));
    record.stage = analysis::HandshakeStage::psh;
    record.signature = {analysis::TamperingSignature::psh_rsts_other_acks, kServer};
    const output::Json flow = output::json_of(record)["flow"];
    EXPECT_EQ(flow["stage"], "psh");
    EXPECT_EQ(flow["signature"], "post-psh:RST!=RST");
    EXPECT_EQ(flow["signature_from"], "dest");
    record.signature->end = kClient;
    EXPECT_EQ(output::json_of(record)["flow"]["signature_from"], "src");
}

TEST(JsonEvents, AFindingHasTheStampsOfBothDirections) {
    ForgedRstBench bench;
    FlowScript script;
    script.flow().direction[kServer].ring_next = 3;  // the ring's oldest entry is here
    bench.observe(script.at(5ms).rst({.ttl = 60, .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)}));
    const output::Json stamps = events_of(bench)[1]["stamps"];
    ASSERT_THAT(stamps["src"], SizeIs(FST_RING_STAMPS));
    EXPECT_EQ(stamps["src"][0]["ipid"], 0x1a2b - 7 + 3);
    EXPECT_EQ(stamps["src"][0]["hops"], 12);
    EXPECT_EQ(stamps["dest"][7]["timestamp"], "2026-11-18T11:06:40.000000+0000");
    EXPECT_EQ(stamps["dest"][6]["timestamp"], "2026-11-18T11:06:39.999000+0000");
    EXPECT_EQ(stamps["dest"][7]["ttl"], 63);
}

TEST(JsonEvents, CountAFlowFromItsOpenersSide) {
    analysis::FlowRecord record = example_record();
    record.slot.direction[kClient].packets = 12;
    record.slot.direction[kServer].packets = 34;
    record.slot.direction[kServer].ttl[1] = 53;
    const output::Json event = output::json_of(record);
    EXPECT_EQ(event["src_ip"], "192.0.2.1");
    EXPECT_EQ(event["flow"]["toserver"]["packets"], 12);
    EXPECT_EQ(event["flow"]["toclient"]["packets"], 34);
    EXPECT_THAT(event["flow"]["toclient"]["ttl"], ElementsAre(52, 53));
    EXPECT_THAT(event["flow"]["toclient"]["hops"], ElementsAre(12, 11));
    EXPECT_EQ(event["flow"]["toclient"]["ipid_class"], "per-flow");
    EXPECT_EQ(event["flow"]["toclient"]["rtt_us"], 20'000);
    EXPECT_EQ(event["flow"]["state"], "established");
    EXPECT_EQ(event["flow"]["reason"], "closed");
    EXPECT_EQ(event["flow"]["end"], "2026-11-18T11:06:40.000000+0000");
    EXPECT_TRUE(event.contains("isn_id"));
    record.slot.state = FST_FLOW_MIDWAY;
    record.start.reset();
    record.slot.direction[kServer].min_rtt_us = 0;
    const output::Json midway = output::json_of(record);
    EXPECT_FALSE(midway.contains("isn_id"));
    EXPECT_FALSE(midway["flow"].contains("start"));
    EXPECT_FALSE(midway["flow"]["toclient"].contains("rtt_us"));
}

TEST(JsonEvents, DescribeAnInterfaceThatIsBack) {
    const output::Json event = output::json_of({.kind = net::InterfaceChange::Kind::back,
                                                .name = "eth1",
                                                .index = 12,
                                                .is_watched = true,
                                                .ingress = "xdp",
                                                .egress = "tcx",
                                                .wall = 1'795'000'000s});
    EXPECT_EQ(event,
              (output::Json{{"timestamp", "2026-11-18T11:06:40.000000+0000"},
                            {"in_iface", "eth1"},
                            {"event_type", "interface"},
                            {"interface",
                             {{"change", "back"},
                              {"summary", "eth1 is back: attached (xdp ingress, tcx egress)"},
                              {"index", 12},
                              {"watched", true},
                              {"ingress", "xdp"},
                              {"egress", "tcx"}}}}));
}

TEST(JsonEvents, HaveTheSameIdsForOneFlow) {
    ForgedRstBench bench;
    FlowScript script;
    bench.observe(script.rst({}));
    const output::Json reset = events_of(bench)[0];
    const output::Json flow = output::json_of(example_record());
    for (const char* id : {"flow_id", "community_id", "isn_id"}) {
        EXPECT_EQ(reset[id], flow[id]) << id;
    }
}

}  // namespace
}  // namespace flowstamp
