// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/report/event_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "user/base/printable.h"
#include "user/net/endpoint.h"
#include "user/output/text/counted.h"
#include "user/output/text/finding_text.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/value_text.h"
#include "user/output/text/words.h"

namespace flowstamp::output {

namespace {

using analysis::FieldType;
using json = nlohmann::ordered_json;  // evidence is shown in its order

/// A member's text, printable; empty if there is none.
std::string text_at(const json& object, const char* name) {
    const auto member = object.find(name);
    return member != object.end() && member->is_string() ? printable(member->get<std::string>())
                                                         : "";
}

std::uint64_t number_at(const json& object, const char* name) {
    const auto member = object.find(name);
    return member != object.end() && member->is_number_unsigned() ? member->get<std::uint64_t>()
                                                                  : 0;
}

/// The value of evidence as it was before json_of(). An address stays text: it is shown as it is.
std::optional<analysis::Value> value_of(const json& its, FieldType type) {
    if (its.is_array()) {
        return type == FieldType::ttls
                   ? std::optional<analysis::Value>(its.get<std::vector<std::uint64_t>>())
                   : std::nullopt;
    }
    if (type == FieldType::ttls) {
        return std::nullopt;
    }
    if (its.is_boolean()) {
        return its.get<bool>();
    }
    if (its.is_string()) {
        return its.get<std::string>();
    }
    if (type == FieldType::duration && its.is_number_integer()) {
        return Nanoseconds(std::chrono::microseconds(its.get<std::int64_t>()));
    }
    return its.is_number_unsigned() ? std::optional<analysis::Value>(its.get<std::uint64_t>())
                                    : std::nullopt;
}

std::string words_of(const json& object) {
    analysis::Values values;
    for (const auto& [name, member] : object.items()) {
        for (const analysis::FieldEntry& entry : analysis::every_field()) {
            auto value = entry.json_name == name ? value_of(member, entry.type) : std::nullopt;
            if (value) {
                values = values.with({entry.field, std::move(value)});
                break;
            }
        }
    }
    return values_text(values);
}

void add_evidence(ReportEntry& entry, const json& evidence) {
    for (const json& item : evidence) {
        entry.evidence.push_back({text_at(item, "strength"), text_at(item, "signal"),
                                  words_of(item.at("observed")),
                                  item.contains("baseline") ? words_of(item.at("baseline")) : "-"});
    }
}

template <class Enum>
std::optional<Enum> named(const std::string& name, std::initializer_list<Enum> all) {
    const auto* its =
        std::ranges::find(all, name, [](Enum each) { return analysis::name_of(each); });
    return its == all.end() ? std::nullopt : std::optional(*its);
}

/// What words depend on, beside its sentences and evidence.
analysis::Finding finding_of(const json& its) {
    using analysis::Resolution;
    analysis::Finding finding;
    for (const analysis::FindingKindEntry& entry : analysis::every_finding_kind()) {
        if (entry.name == text_at(its, "kind")) {
            finding.kind = entry.kind;
        }
    }
    finding.verdict = named(text_at(its, "verdict"), {FST_VERDICT_CONFIRMED, FST_VERDICT_PROVEN})
                          .value_or(FST_VERDICT_SUSPECTED);
    finding.action = named(text_at(its, "action"), {FST_ACTION_CHALLENGED, FST_ACTION_DROPPED})
                         .value_or(FST_ACTION_OBSERVED);
    finding.resolution =
        named(text_at(its, "resolution"),
              {Resolution::went_on, Resolution::ended, Resolution::both_ends, Resolution::withdrawn,
               Resolution::recovered, Resolution::answered});
    finding.resets = static_cast<std::uint32_t>(number_at(its, "resets"));
    finding.vendor = text_at(its, "vendor");
    if (its.contains("direction")) {
        finding.direction = analysis::PathDirection::a_to_b;
    }
    if (its.contains("middlebox")) {
        finding.middlebox = number_at(its, "middlebox");
    }
    return finding;
}

/// `its`: a stamp, or the packet that an event is about.
TracedStamp stamp_of(const json& its, const std::string& time, bool is_from_sender) {
    const bool v4 = its.contains("ttl");
    const std::string flags = text_at(its, "tcp_flags");
    TracedStamp stamp{.time = time,
                      .is_from_sender = is_from_sender,
                      .ttl = its.at(v4 ? "ttl" : "hoplimit").get<std::uint8_t>()};
    if (v4) {
        stamp.ip_id = its.at("ipid").get<std::uint16_t>();
    }
    std::from_chars(flags.data(), flags.data() + flags.size(), stamp.tcp_flags, 16);
    return stamp;
}

void add_stamps(ReportEntry& entry, const json& event) {
    const json& stamps = event.at("stamps");
    for (const char* side : {"src", "dest"}) {
        for (const json& its : stamps.at(side)) {
            entry.stamps.push_back(
                stamp_of(its, text_at(its, "timestamp"), std::string_view(side) == "src"));
        }
    }
    // A reset has no stamp before it is judged.
    const bool has_packet = std::ranges::any_of(entry.stamps, [&](const TracedStamp& stamp) {
        return stamp.is_from_sender && stamp.time == entry.time;
    });
    if (!has_packet && event.contains("packet")) {
        entry.stamps.push_back(stamp_of(event.at("packet"), entry.time, true));
    }
    std::ranges::stable_sort(entry.stamps, {}, &TracedStamp::time);
}

std::string end_text(const json& event, const char* ip, const char* port) {
    const std::string address = text_at(event, ip);
    return fmt::format(fmt::runtime(address.contains(':') ? "[{}]:{}" : "{}:{}"), address,
                       number_at(event, port));
}

ReportEntry entry_of(const json& event) {
    const json& its = event.at("finding");
    const analysis::Finding finding = finding_of(its);
    ReportEntry entry{
        .id = number_at(its, "id"),
        .kind = text_at(its, "kind"),
        .verdict = std::string(analysis::name_of(finding.verdict)),
        .headline = headline_text(finding),
        .time = text_at(event, "timestamp"),
        .from = end_text(event, "src_ip", "src_port"),
        .to = end_text(event, "dest_ip", "dest_port"),
        .interface = text_at(event, "in_iface"),
        .summary = text_at(its, "summary"),
        .evidence_titles = std::pair<std::string, std::string>(evidence_titles(finding.kind)),
        .flow_id = number_at(event, "flow_id")};
    if (event.contains("pcap_cnt")) {
        entry.frame = number_at(event, "pcap_cnt");
    }
    add_evidence(entry, its.at("evidence"));
    for (const auto& [label, text] : finding_details(finding, text_at(its, "advice"))) {
        entry.details.emplace_back(label, text);
    }
    if (event.contains("stamps")) {
        add_stamps(entry, event);
    }
    return entry;
}

EventLine event_of(const json& event) {
    const std::string type = text_at(event, "event_type");
    EventLine line{.capture = text_at(event, "pcap_filename")};
    if (type == "finding") {
        line.entry = entry_of(event);
    } else if (type == "middlebox") {
        const json& its = event.at("middlebox");
        line.id = number_at(its, "id");
        line.box = fmt::format("#{}: {}", line.id, text_at(its, "summary"));
    } else if (type == "incident") {
        const json& its = event.at("incident");
        line.id = number_at(event, "incident_id");
        line.incident = fmt::format(
            "incident #{} {}: {} like finding #{}, from {} to {}", line.id, text_at(its, "kind"),
            counted_grouped(number_at(its, "count"), "finding"), number_at(its, "finding"),
            text_at(its, "first_seen"), text_at(its, "last_seen"));
    }
    return line;
}

}  // namespace

std::optional<EventLine> event_of_line(std::string_view line) {
    constexpr bool kNoExceptions = false;
    const json event = json::parse(line, nullptr, kNoExceptions);
    if (!event.is_object()) {
        return std::nullopt;
    }
    try {
        return event_of(event);
    } catch (const json::exception&) {
        return EventLine{};
    }
}

}  // namespace flowstamp::output
