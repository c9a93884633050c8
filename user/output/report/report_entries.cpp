// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/report/report_entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "flowstamp/counter.h"
#include "user/base/time_text.h"
#include "user/net/identity.h"
#include "user/output/report/event_lines.h"
#include "user/output/text/cleaned.h"
#include "user/output/text/counted.h"
#include "user/output/text/finding_text.h"
#include "user/output/text/incident_text.h"
#include "user/output/text/middlebox_text.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/stats_text.h"
#include "user/output/text/value_text.h"
#include "user/output/text/words.h"

namespace flowstamp::output {

namespace {

ReportEntry about(const analysis::Sighting& sighting, std::uint64_t id) {
    ReportEntry entry{.id = id,
                      .time = eve_timestamp(sighting.wall),
                      .from = net::sender_of(sighting.packet).text(),
                      .to = net::receiver_of(sighting.packet).text(),
                      .interface = sighting.interface,
                      .frame = sighting.frame,
                      .flow_id = sighting.flow_id,
                      .key = sighting.packet.key};
    return entry;
}

void add_evidence(ReportEntry& entry, const std::vector<analysis::Evidence>& evidence,
                  analysis::FindingKind kind) {
    entry.evidence_titles = evidence_titles(kind);
    for (const analysis::Evidence& item : evidence) {
        entry.evidence.push_back({std::string(analysis::name_of(item.strength)),
                                  std::string(analysis::name_of(item.signal)),
                                  values_text(item.observed),
                                  item.baseline ? values_text(*item.baseline) : "-"});
    }
}

/// The surest first.
int rank_of(const ReportEntry& entry) {
    const bool is_sure = entry.verdict != analysis::name_of(FST_VERDICT_SUSPECTED);
    return (is_sure ? 0 : 1) + (entry.is_reset ? 2 : 0);
}

}  // namespace

ReportEntry entry_of(const analysis::Finding& its) {
    ReportEntry entry = about(its.sighting, its.id);
    entry.kind = analysis::name_of(its.kind);
    entry.verdict = analysis::name_of(its.verdict);
    entry.headline = headline_text(its);
    entry.summary = summary_text(its);
    add_evidence(entry, its.evidence, its.kind);
    for (const auto& [label, text] : finding_details(its, advice_text(its))) {
        entry.details.emplace_back(label, text);
    }
    return entry;
}

void ReportEntries::begin_capture(const std::string& name) {
    ReportSource& source = report_.sources.back();
    const bool is_used = std::ranges::any_of(places_, [this](const auto& place) {
        return std::get<0>(place.first) == report_.sources.size() - 1;
    });
    if (source.name != name && is_used) {
        begin({.name = name});
    } else {
        source.name = name;
    }
}

void ReportEntries::put(std::string_view sort, ReportEntry entry) {
    entry.source = report_.sources.size() - 1;
    const Id id{entry.source, std::string(sort), entry.id};
    if (const auto known = places_.find(id); known != places_.end()) {
        report_.entries[known->second] = std::move(entry);
    } else if (report_.entries.size() < kMost) {
        places_[id] = report_.entries.size();
        lives_.try_emplace({entry.source, entry.flow_id},
                           Life{Nanoseconds::min(), Nanoseconds::max()});
        report_.entries.push_back(std::move(entry));
    } else {
        too_many_++;
    }
}

void ReportEntries::put_text(std::vector<std::string>& texts, std::string_view sort,
                             std::uint64_t id, std::string text) {
    const Id its{report_.sources.size() - 1, std::string(sort), id};
    if (const auto known = places_.find(its); known != places_.end()) {
        texts[known->second] = std::move(text);
    } else if (texts.size() < kMost) {
        places_[its] = texts.size();
        texts.push_back(std::move(text));
    }
}

void ReportEntries::finding(const analysis::Finding& its) {
    put("finding", entry_of(its));
}

void ReportEntries::reset(const analysis::Reset& its) {
    const auto verdict = static_cast<fst_verdict>(its.judgement.verdict);
    ReportEntry entry = about(its.sighting, its.id);
    entry.is_reset = true;
    entry.kind = "reset";
    entry.verdict = analysis::name_of(verdict);
    entry.headline = fmt::format("{} reset", text_of(verdict));
    add_evidence(entry, its.evidence, analysis::FindingKind::forged_rst);
    const bool is_known = places_.contains({report_.sources.size() - 1, "reset", its.id});
    if (verdict != FST_VERDICT_GENUINE || is_known) {
        put("reset", std::move(entry));
    }
}

void ReportEntries::flow(const analysis::FlowRecord& its) {
    const std::uint64_t id = net::flow_id(its.slot.key, its.slot_index, its.slot.generation);
    const auto life = lives_.find({report_.sources.size() - 1, id});
    if (life != lives_.end()) {
        life->second = {its.start.value_or(Nanoseconds::min()), its.last};
    }
}

void ReportEntries::consume(const Event& event) {
    // Cleaned of control characters as for a terminal: the page shows the same sentences.
    const Event printed = cleaned(event);
    std::visit(Handle{[this](const analysis::Finding& its) { finding(its); },
                      [this](const analysis::Reset& its) { reset(its); },
                      [this](const analysis::FlowRecord& its) { flow(its); },
                      [this](const analysis::Middlebox& its) {
                          put_text(report_.boxes, "box", its.id,
                                   fmt::format("#{}: {}", its.id, summary_text(its)));
                      },
                      [this](const analysis::Incident& its) {
                          EventTimes times(TimeForm::utc);
                          put_text(report_.incidents, "incident", its.id,
                                   incident_text(its, Style(false), times));
                      },
                      [this](const analysis::Stats& its) {
                          put_text(report_.totals, "totals", 0, stats_text(its));
                          if (its.counters[FST_COUNT_TCP] == 0) {
                              report_.left_out.push_back(fmt::format("{} holds no TCP packets.",
                                                                     report_.sources.back().name));
                          }
                      },
                      [](const auto&) {}},
               printed);
}

bool ReportEntries::consume_line(std::string_view line) {
    auto event = event_of_line(line);
    if (!event) {
        return false;
    }
    if (!event->capture.empty()) {
        begin_capture(event->capture);
    }
    if (event->entry) {
        put("finding", std::move(*event->entry));
    } else if (!event->box.empty()) {
        put_text(report_.boxes, "box", event->id, std::move(event->box));
    } else if (!event->incident.empty()) {
        put_text(report_.incidents, "incident", event->id, std::move(event->incident));
    }
    return true;
}

/// A finding tells of its resets itself, and a reset that was genuine after all is none.
void ReportEntries::drop_told_resets() {
    std::set<std::pair<std::size_t, std::uint64_t>> told;
    for (const ReportEntry& entry : report_.entries) {
        if (!entry.is_reset) {
            told.emplace(entry.source, entry.flow_id);
        }
    }
    std::erase_if(report_.entries, [&told](const ReportEntry& entry) {
        return entry.is_reset && (entry.verdict == analysis::name_of(FST_VERDICT_GENUINE) ||
                                  told.contains({entry.source, entry.flow_id}));
    });
}

void ReportEntries::choose_flows() {
    std::map<std::pair<std::size_t, std::uint64_t>, std::size_t> drawn;
    std::set<std::pair<std::size_t, std::uint64_t>> passed_over;
    for (std::size_t i = 0; i < report_.entries.size(); i++) {
        const ReportEntry& entry = report_.entries[i];
        const std::pair id{entry.source, entry.flow_id};
        auto flow = drawn.find(id);
        if (flow == drawn.end() && drawn.size() == kFlowsMost) {
            passed_over.insert(id);
            continue;
        }
        if (flow == drawn.end()) {
            flow = drawn.emplace(id, report_.flows.size()).first;
            const auto life = lives_.find(id);
            report_.flows.push_back(
                {.source = entry.source, .flow_id = entry.flow_id, .key = entry.key});
            if (life != lives_.end()) {
                report_.flows.back().from = life->second.from;
                report_.flows.back().to = life->second.to;
            }
        }
        report_.flows[flow->second].entries.push_back(i);
    }
    if (!passed_over.empty()) {
        report_.left_out.push_back(fmt::format("{} are listed and not drawn: {} are.",
                                               counted_grouped(passed_over.size(), "more flow"),
                                               kFlowsMost));
    }
}

void ReportEntries::finish() {
    drop_told_resets();
    std::ranges::stable_sort(report_.entries, {}, rank_of);
    choose_flows();
    if (too_many_ != 0) {
        report_.left_out.push_back(
            fmt::format("{} are not listed.", counted_grouped(too_many_, "more finding")));
    }
}

}  // namespace flowstamp::output
