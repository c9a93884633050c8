// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/json_events.h"

#include <fmt/format.h>

#include "flowstamp/hops.h"
#include "user/base/time_text.h"
#include "user/net/endpoint.h"
#include "user/net/identity.h"
#include "user/net/names.h"
#include "user/net/stamps.h"
#include "user/output/json/values_json.h"
#include "user/output/text/middlebox_text.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/words.h"

namespace flowstamp::output {

namespace {

std::string isn_text(std::uint64_t isn_id) {
    return fmt::format("{:016x}", isn_id);
}

/// The first members of every event about a flow, in EVE's order.
Json header(std::string_view type, Nanoseconds wall, std::uint64_t flow_id,
            const std::string& interface, const fst_flow_key& key, unsigned source) {
    const net::Endpoint from = net::end_of(key, source);
    const net::Endpoint to = net::end_of(key, source ^ 1U);
    return {{"timestamp", eve_timestamp(wall)},
            {"flow_id", flow_id},
            {"in_iface", interface},
            {"event_type", type},
            {"src_ip", from.ip_text()},
            {"src_port", from.port},
            {"dest_ip", to.ip_text()},
            {"dest_port", to.port},
            {"proto", net::protocol_name(key.protocol)},
            {"community_id", net::community_id(key)}};
}

Json header(std::string_view type, const analysis::Sighting& sighting) {
    Json event = header(type, sighting.wall, sighting.flow_id, sighting.interface,
                        sighting.packet.key, sighting.packet.direction);
    if (sighting.isn_id) {
        event["isn_id"] = isn_text(*sighting.isn_id);
    }
    if (sighting.frame) {
        event["pcap_cnt"] = *sighting.frame;
    }
    return event;
}

/// The number if it is always the same, else a word.
Json habit(const analysis::FieldHabit& its) {
    switch (its.kind) {
        case analysis::FieldHabit::Kind::fixed:
            return its.value;
        case analysis::FieldHabit::Kind::zero:
            return 0;
        default:
            return analysis::name_of(its.kind);
    }
}

Json packet(const fst_packet& packet) {
    const bool v4 = !(packet.flags & FST_PACKET_IPV6);
    Json json = {{v4 ? "ttl" : "hoplimit", packet.ttl}, {"hops", fst_hops(packet.ttl)}};
    if (v4) {
        json["ipid"] = packet.ip_id;
        json["df"] = (packet.flags & FST_PACKET_DF) != 0;
    }
    json["tcp_flags"] = fmt::format("{:02x}", packet.tcp_flags);
    json["tcpseq"] = packet.seq;
    json["tcpack"] = packet.ack;
    json["tcpwin"] = packet.window;
    json["len"] = packet.ip_bytes;
    if (packet.flags & FST_PACKET_MAC) {
        json["src_mac"] = net::mac_text(packet.src_mac);
    }
    return json;
}

Json evidence(const std::vector<analysis::Evidence>& all) {
    Json list = Json::array();
    for (const analysis::Evidence& item : all) {
        Json json = {{"signal", analysis::name_of(item.signal)},
                     {"strength", analysis::name_of(item.strength)},
                     {"observed", json_of(item.observed)}};
        if (item.baseline) {
            json["baseline"] = json_of(*item.baseline);
        }
        list.push_back(std::move(json));
    }
    return list;
}

Json stamps(const fst_direction& direction, bool v4, Nanoseconds offset) {
    Json list = Json::array();
    for (const fst_stamp& stamp : net::stamps_of(direction)) {
        Json json = {{"timestamp", eve_timestamp(net::time_of(stamp, direction) + offset)},
                     {v4 ? "ttl" : "hoplimit", stamp.ttl},
                     {"hops", fst_hops(stamp.ttl)}};
        if (v4) {
            json["ipid"] = stamp.ip_id;
        }
        json["tcp_flags"] = fmt::format("{:02x}", stamp.tcp_flags);
        list.push_back(std::move(json));
    }
    return list;
}

/// One direction of a flow's slot.
Json direction(const fst_direction& its, bool v4) {
    Json json = {{"packets", its.packets}, {"bytes", its.bytes}};
    Json ttls = Json::array();
    Json hops = Json::array();
    for (const std::uint8_t ttl : its.ttl) {
        if (ttl != 0) {
            ttls.push_back(ttl);
            hops.push_back(fst_hops(ttl));
        }
    }
    json[v4 ? "ttl" : "hoplimit"] = std::move(ttls);
    json["hops"] = std::move(hops);
    if (const auto id_class = fst_id_class_of(&its); v4 && id_class != FST_ID_UNKNOWN) {
        json["ipid_class"] = net::id_class_name(id_class);
    }
    json["retransmissions"] = its.retransmitted;
    if (its.min_rtt_us != 0) {
        json["rtt_us"] = its.min_rtt_us;
    }
    return json;
}

}  // namespace

Json json_of_stamps(const fst_flow& flow, unsigned source, Nanoseconds offset) {
    const bool v4 = net::end_of(flow.key, source).is_v4();
    return {{"src", stamps(flow.direction[source & 1U], v4, offset)},
            {"dest", stamps(flow.direction[(source & 1U) ^ 1U], v4, offset)}};
}

Json json_of(const analysis::Reset& reset) {
    const fst_judgement& its = reset.judgement;
    Json json = {{"id", reset.id},
                 {"verdict", analysis::name_of(static_cast<fst_verdict>(its.verdict))},
                 {"cause", analysis::name_of(static_cast<fst_cause>(its.cause))},
                 {"action", analysis::name_of(static_cast<fst_action>(its.action))}};
    if (its.challenge != FST_CHALLENGE_NONE) {
        json["challenge"] = analysis::name_of(static_cast<fst_challenge>(its.challenge));
    }
    if (reset.answers) {
        json["answers"] = *reset.answers;
    }
    if (its.pass_reason > FST_PASS_ANSWER) {
        json["passed_because"] = text_of(static_cast<fst_pass_reason>(its.pass_reason));
    }
    json["evidence"] = evidence(reset.evidence);
    Json event = header("reset", reset.sighting);
    event["reset"] = std::move(json);
    event["packet"] = packet(reset.sighting.packet);
    return event;
}

Json json_of(const analysis::Finding& finding) {
    Json json = {{"id", finding.id},
                 {"kind", analysis::name_of(finding.kind)},
                 {"verdict", analysis::name_of(finding.verdict)},
                 {"action", analysis::name_of(finding.action)},
                 {"summary", summary_text(finding)}};
    if (finding.direction) {
        json["direction"] = analysis::name_of(*finding.direction);
    }
    if (finding.count != 0) {
        json["count"] = finding.count;
    }
    if (finding.resets != 0) {
        json["resets"] = finding.resets;
    }
    if (finding.middlebox) {
        json["middlebox"] = *finding.middlebox;
    }
    if (!finding.vendor.empty()) {
        json["vendor"] = finding.vendor;
    }
    if (!finding.advice.empty()) {
        json["advice"] = advice_text(finding);
    }
    if (finding.resolution) {
        json["resolution"] = analysis::name_of(*finding.resolution);
    }
    json["evidence"] = evidence(finding.evidence);
    Json event = header("finding", finding.sighting);
    if (finding.incident != 0) {
        event["incident_id"] = finding.incident;
    }
    event["finding"] = std::move(json);
    event["packet"] = packet(finding.sighting.packet);
    const Nanoseconds offset = finding.sighting.wall - Nanoseconds(finding.sighting.packet.time_ns);
    event["stamps"] = json_of_stamps(finding.slot, finding.sighting.packet.direction, offset);
    return event;
}

Json json_of(const analysis::Middlebox& box) {
    Json fingerprint = {{"tcp_flags", fmt::format("{:02x}", box.tcp_flags)},
                        {"ttl", habit(box.ttl)}};
    if (box.ip_id.kind != analysis::FieldHabit::Kind::absent) {
        fingerprint["ipid"] = habit(box.ip_id);
    }
    fingerprint["tcpwin"] = habit(box.window);
    Json json = {{"id", box.id}, {"summary", summary_text(box)}, {"hops", box.hops}};
    json["fingerprint"] = std::move(fingerprint);
    if (box.mac) {
        json["src_mac"] = net::mac_text(*box.mac);
        json["src_mac_foreign"] = box.mac_is_foreign;
    }
    if (!box.vendor.empty()) {
        json["vendor"] = box.vendor;
    }
    json["segments"] = box.segments;
    json["flows"] = box.flows;
    Json ports = Json::array();
    for (const analysis::Middlebox::Port& port : box.ports) {
        ports.push_back(
            {{"port", port.port},
             {"flows", port.flows},
             {"share", static_cast<double>(port.flows) / static_cast<double>(port.seen)}});
    }
    json["ports"] = std::move(ports);
    Json stages = Json::object();
    for (std::size_t i = 0; i < analysis::Middlebox::kStages; i++) {
        stages[analysis::name_of(static_cast<analysis::HandshakeStage>(i))] = box.stages[i];
    }
    json["stages"] = std::move(stages);
    json["learned"] = box.is_learned;
    json["first_seen"] = eve_timestamp(box.first);
    json["last_seen"] = eve_timestamp(box.last);
    return {{"timestamp", eve_timestamp(box.last)},
            {"in_iface", box.interface},
            {"event_type", "middlebox"},
            {"middlebox", std::move(json)}};
}

Json json_of(const analysis::FlowRecord& record) {
    const fst_flow& flow = record.slot;
    const unsigned opener = net::opener_of(flow);
    const bool v4 = net::end_of(flow.key, opener).is_v4();
    Json json = {{"state", net::state_name(flow)}, {"reason", analysis::name_of(record.end)}};
    if (record.stage) {
        json["stage"] = analysis::name_of(*record.stage);
    }
    if (record.signature) {
        json["signature"] = analysis::name_of(record.signature->signature);
        json["signature_from"] = record.signature->end == opener ? "src" : "dest";
    }
    if (record.start) {
        json["start"] = eve_timestamp(*record.start);
    }
    json["end"] = eve_timestamp(record.last);
    json["toserver"] = direction(flow.direction[opener], v4);
    json["toclient"] = direction(flow.direction[opener ^ 1U], v4);
    Json event =
        header("flow", record.wall, net::flow_id(flow.key, record.slot_index, flow.generation),
               record.interface, flow.key, opener);
    if (const auto id = net::isn_id(flow)) {
        event["isn_id"] = isn_text(*id);
    }
    event["flow"] = std::move(json);
    return event;
}

Json json_of(const OpenFlow& flow) {
    Json event = json_of(flow.record);
    const fst_flow& slot = flow.record.slot;
    event["stamps"] = json_of_stamps(slot, net::opener_of(slot), flow.offset);
    return event;
}

Json json_of(const LearnedEntry& entry) {
    const net::LearnedSignature& learned = entry.learned;
    const fst_learned_signature& its = learned.signature;
    return {{"timestamp", eve_timestamp(learned.seen)},
            {"event_type", "learned"},
            {"in_iface", entry.interface},
            {"learned",
             {{"pid", entry.pid},
              {"tcp_flags", fmt::format("{:02x}", its.tcp_flags)},
              {"hops", its.hops},
              {"ipid", its.ip_id},
              {"learned", eve_timestamp(learned.learned)},
              {"last_seen", eve_timestamp(learned.seen)}}}};
}

Json json_of(const LeftOut& left_out) {
    return {{"timestamp", eve_timestamp(left_out.wall)},
            {"event_type", "left_out"},
            {"left_out",
             {{"above_bound", left_out.above_bound},
              {"not_taken", left_out.not_taken},
              {"total", left_out.total}}}};
}

Json json_of(const analysis::Stats& stats) {
    const auto& count = stats.counters;
    Json json = {
        {"uptime_s", std::chrono::duration<double>(stats.uptime).count()},
        {"packets", count[FST_COUNT_TCP]},
        {"bytes", count[FST_COUNT_BYTES]},
        {"flows", count[FST_COUNT_FLOW_NEW]},
        {"evicted",
         {{"closed", count[FST_COUNT_EVICT_CLOSED]},
          {"half_open", count[FST_COUNT_EVICT_HALF_OPEN]},
          {"idle", count[FST_COUNT_EVICT_IDLE]},
          {"live", count[FST_COUNT_EVICT_LIVE]}}},
        {"resets",
         {{"seen", count[FST_COUNT_RST]},
          {"suspected", count[FST_COUNT_RST_SUSPECTED]},
          {"confirmed", count[FST_COUNT_RST_CONFIRMED]},
          {"dropped", count[FST_COUNT_DROPPED]},
          {"challenged", count[FST_COUNT_CHALLENGED]},
          {"passed_doubted", count[FST_COUNT_PASS_SUSPECT]},
          {"act_failed", count[FST_COUNT_ACT_FAILED]}}},
        {"findings",
         {{"suspected", stats.findings_suspected}, {"confirmed", stats.findings_confirmed}}},
        {"challenges",
         {{"asked", stats.challenges.asked},
          {"upheld", stats.challenges.upheld},
          {"refuted", stats.challenges.refuted},
          {"unanswered", stats.challenges.unanswered}}},
        {"unparsed",
         {{"not_ip", count[FST_COUNT_NOT_IP]},
          {"not_tcp", count[FST_COUNT_NOT_TCP]},
          {"fragment", count[FST_COUNT_FRAGMENT]},
          {"cut", count[FST_COUNT_CUT]},
          {"malformed", count[FST_COUNT_MALFORMED]},
          {"too_deep", count[FST_COUNT_TOO_DEEP]},
          {"split_header", count[FST_COUNT_SPLIT_HEADER]}}},
        {"unaccepted",
         {{"damaged", count[FST_COUNT_DAMAGED]}, {"refused", count[FST_COUNT_REFUSED]}}},
        {"icmp_errors", count[FST_COUNT_ICMP_ERROR]},
        {"events", count[FST_COUNT_EVENT]},
        {"lost",
         {{"events", count[FST_COUNT_EVENT_LOST]},
          {"openings_unsampled", count[FST_COUNT_OPENING_UNSAMPLED]},
          {"flows", count[FST_COUNT_FLOW_LOST]},
          {"unread", stats.records_unread}}}};
    if (!stats.unopened.empty()) {
        json["unopened"] = stats.unopened;
    }
    if (stats.stamps) {
        json["stamps"] = {{"written", stats.stamps->written}, {"lost", stats.stamps->lost}};
    }
    return {{"timestamp", eve_timestamp(stats.wall)},
            {"event_type", "stats"},
            {"stats", std::move(json)}};
}

}  // namespace flowstamp::output
