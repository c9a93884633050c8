// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/text_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "flowstamp/config.h"
#include "user/base/time_text.h"
#include "user/base/wrap.h"
#include "user/net/endpoint.h"
#include "user/net/names.h"
#include "user/output/text/cleaned.h"
#include "user/output/text/comparison_text.h"
#include "user/output/text/counted.h"
#include "user/output/text/incident_text.h"
#include "user/output/text/interface_text.h"
#include "user/output/text/middlebox_text.h"
#include "user/output/text/open_flow_text.h"
#include "user/output/text/path_text.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/value_text.h"
#include "user/output/text/words.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kIndent = "    ";

/// Each line of `text` wrapped at `width` columns, where it is wider; rows of a table below their
/// last column.
std::string wrapped(std::string_view text, std::size_t width) {
    std::string result;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        const bool fits = columns(line) <= width;
        result += fits ? std::string(line) + "\n"
                       : wrap(line, "", std::string(hanging_indent(line, width), ' '), width);
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return result;
}

std::string flow_text(const fst_packet& packet) {
    return net::sender_of(packet).text() + " > " + net::receiver_of(packet).text();
}

/// "frame 12  "; empty without a capture.
std::string frame_text(const analysis::Sighting& sighting) {
    return sighting.frame ? fmt::format("frame {}  ", *sighting.frame) : "";
}

std::string challenge_text(const analysis::Reset& reset) {
    switch (static_cast<fst_challenge>(reset.judgement.challenge)) {
        case FST_CHALLENGE_ASKED:
            return "challenged";
        case FST_CHALLENGE_UPHELD:
            return reset.answers ? "" : "challenged, its sender upheld it";
        case FST_CHALLENGE_REFUTED:
            return "challenged, its sender went on";
        case FST_CHALLENGE_UNANSWERED:
            return "challenged, no answer";
        case FST_CHALLENGE_NONE:
            break;
    }
    return "";
}

std::string action_text(const analysis::Finding& finding) {
    const std::string many =
        finding.resets > 1 ? fmt::format(" ({} such resets)", finding.resets) : "";
    switch (finding.action) {
        case FST_ACTION_DROPPED:
            return "dropped in the kernel, before the stack saw it" + many;
        case FST_ACTION_CHALLENGED:
            return "not accepted: the stack was made to challenge its sender" + many;
        case FST_ACTION_OBSERVED:
            break;
    }
    return "observed only; it was let through" + many;
}

std::string_view resolution_text(analysis::Resolution resolution) {
    switch (resolution) {
        case analysis::Resolution::went_on:
            return "the flow outlived it";
        case analysis::Resolution::ended:
            return "the flow ended";
        case analysis::Resolution::both_ends:
            return "the far end was lost, too";
        case analysis::Resolution::withdrawn:
            return "withdrawn";
        case analysis::Resolution::recovered:
            return "it recovered";
        case analysis::Resolution::answered:
            break;
    }
    return "it was answered after all";
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr double kStep = 1000;
    auto amount = static_cast<double>(bytes);
    for (const std::string_view unit : {"B", "kB", "MB", "GB"}) {
        if (amount < kStep) {
            return unit == "B" ? fmt::format("{} B", bytes)
                               : fmt::format("{:.1f} {}", amount, unit);
        }
        amount /= kStep;
    }
    return fmt::format("{:.1f} TB", amount);
}

/// "  at psh, like post-psh:RST from 198.51.100.7"; unknown parts are left out.
std::string stage_and_signature(const analysis::FlowRecord& record) {
    std::string text;
    if (record.stage) {
        text += fmt::format("  at {}", analysis::name_of(*record.stage));
    }
    if (record.signature) {
        text += fmt::format(", like {} from {}", analysis::name_of(record.signature->signature),
                            net::end_of(record.slot.key, record.signature->end).ip_text());
    }
    return text;
}

/// "established, idle"; one word if both are the same.
std::string state_and_end(const analysis::FlowRecord& record) {
    const std::string_view state = net::state_name(record.slot);
    const std::string_view end = analysis::name_of(record.end);
    return state == end ? std::string(state) : fmt::format("{}, {}", state, end);
}

/// "left out: 3 events, as there were too many in that time; 5 in all".
std::string left_out_text(const LeftOut& its, const std::string& time) {
    std::string text = time + " left out: ";
    if (its.above_bound != 0) {
        text += fmt::format("{}, as there were too many in that time; ",
                            counted_grouped(its.above_bound, "event"));
    }
    if (its.not_taken != 0) {
        text +=
            fmt::format("{} that could not be written; ", counted_grouped(its.not_taken, "event"));
    }
    return text + fmt::format("{} in all\n", grouped(its.total));
}

/// What evidence shows, and what it is compared with.
std::pair<std::string_view, std::string_view> evidence_titles(analysis::FindingKind kind) {
    switch (kind) {
        case analysis::FindingKind::forged_rst:
            return {"this reset", "its sender's other packets"};
        case analysis::FindingKind::changed:
            return {"as it was received", "as it was sent"};
        default:
            return {"what was seen", "what stands beside it"};
    }
}

std::string losses_text(const analysis::Stats& stats) {
    const auto& count = stats.counters;
    std::string text;
    if (count[FST_COUNT_EVENT_LOST] != 0) {
        text += fmt::format(
            "lost: {}, as they came faster than they were read: watch fewer interfaces, or "
            "give this process more CPU\n",
            counted_grouped(count[FST_COUNT_EVENT_LOST], "event"));
    }
    if (count[FST_COUNT_OPENING_UNSAMPLED] != 0) {
        text += fmt::format(
            "left out: {} of how flows opened, as they came faster than they were read: one flow "
            "in "
            "{} was sampled meanwhile, the others are known by the flow table alone\n",
            counted_grouped(count[FST_COUNT_OPENING_UNSAMPLED], "event"), FST_OPENINGS_SAMPLED);
    }
    if (stats.stamps && stats.stamps->lost != 0) {
        text += fmt::format(
            "lost: {}, as they came faster than they were written: write to a faster disk, as "
            ".pcapng rather than .json, or watch fewer interfaces\n",
            counted_grouped(stats.stamps->lost, "stamp"));
    }
    const std::uint64_t flows = count[FST_COUNT_EVICT_LIVE] + count[FST_COUNT_FLOW_LOST];
    if (flows != 0) {
        text += fmt::format("lost: {}, as the flow table was full: raise --max-flows\n",
                            counted_grouped(flows, "live flow"));
    }
    if (stats.records_unread != 0) {
        text += fmt::format(
            "lost: {} that this program cannot read: its parts are of different versions; install "
            "it anew\n",
            counted_grouped(stats.records_unread, "record"));
    }
    if (count[FST_COUNT_ACT_FAILED] != 0) {
        text += fmt::format("passed: {} that the kernel could not rewrite\n",
                            counted_grouped(count[FST_COUNT_ACT_FAILED], "reset"));
    }
    return text;
}

}  // namespace

std::string TextOutput::painted(fst_verdict verdict, std::string_view text) const {
    switch (verdict) {
        case FST_VERDICT_CONFIRMED:
        case FST_VERDICT_PROVEN:
            return style_.bad(text);
        case FST_VERDICT_SUSPECTED:
            return style_.doubtful(text);
        case FST_VERDICT_GENUINE:
            break;
    }
    return style_.good(text);
}

std::string TextOutput::labelled(std::string_view label, std::string_view text) const {
    return fmt::format("{}{} {}\n", kIndent, style_.faint(fmt::format("{:<10}", label)), text);
}

/// Columns as wide as their widest cell. The last one, often the longest, is what to compare with:
/// for a reset, its sender's other packets.
std::string TextOutput::evidence_table(analysis::FindingKind kind,
                                       const std::vector<analysis::Evidence>& evidence) const {
    if (evidence.empty()) {
        return "";
    }
    constexpr std::string_view kSignal = "evidence";
    const auto [packet_title, baseline_title] = evidence_titles(kind);
    std::size_t strength_width = std::string_view("strength").size();
    std::size_t signal_width = kSignal.size();
    std::size_t packet_width = packet_title.size();
    for (const analysis::Evidence& item : evidence) {
        signal_width = std::max(signal_width, analysis::name_of(item.signal).size());
        packet_width = std::max(packet_width, values_text(item.observed).size());
        strength_width = std::max(strength_width, analysis::name_of(item.strength).size());
    }
    const auto row = [&](std::string_view strength, std::string_view signal,
                         std::string_view packet, std::string_view baseline) {
        return fmt::format("{}{:<{}}  {:<{}}  {:<{}}  {}", kIndent, strength, strength_width,
                           signal, signal_width, packet, packet_width, baseline);
    };
    std::string table = style_.faint(row("strength", kSignal, packet_title, baseline_title)) + "\n";
    for (const analysis::Evidence& item : evidence) {
        table +=
            row(analysis::name_of(item.strength), analysis::name_of(item.signal),
                values_text(item.observed), item.baseline ? values_text(*item.baseline) : "-") +
            "\n";
    }
    return table;
}

bool TextOutput::wants(const Event& event) const {
    return std::visit(Handle{[this](const analysis::Reset&) { return detail_ != Detail::findings; },
                             [this](const analysis::Finding& its) {
                                 return its.stands_for_incident ||
                                        (detail_ == Detail::all && !summarizes_);
                             },
                             [this](const analysis::FlowRecord&) { return detail_ == Detail::all; },
                             [this](const analysis::Stats&) { return detail_ == Detail::all; },
                             [this](const pathtrace::PathReport& its) {
                                 return detail_ != Detail::findings || !its.has_arrived();
                             },
                             [](const auto&) { return true; }},
                      event);
}

void TextOutput::consume(const Event& event) {
    if (!wants(event)) {
        return;
    }
    const Event printed = cleaned(event);
    std::visit(
        Handle{[this](const CaptureStart& its) { capture(its); },
               [this](const analysis::Reset& its) { reset(its); },
               [this](const analysis::Finding& its) { finding(its); },
               [this](const analysis::Incident& its) { incident(its); },
               [this](const analysis::Middlebox& its) { middlebox(its); },
               [this](const analysis::FlowRecord& its) { flow(its); },
               [this](const analysis::Stats& its) { stats(its); },
               [this](const analysis::Summary& its) { summary(its.stats); },
               [this](const OpenFlow& its) { write(open_flow_text(its)); },
               [this](const LearnedEntry& its) { write(learned_text(its)); },
               [this](const net::InterfaceChange& its) { interface(its); },
               [this](const LeftOut& its) { write(left_out_text(its, times_.text(its.wall))); },
               [this](const pathtrace::PathReport& its) { path(its); },
               [this](const pathtrace::PathStats& its) { write(path_text(its, style_)); },
               [this](const analysis::compare::Comparison& its) {
                   write(comparison_text(its, style_, detail_ != Detail::findings));
               }},
        printed);
}

/// Also with --quiet: it is about what the other lines do not say any more.
void TextOutput::interface(const net::InterfaceChange& change) {
    const std::string text = interface_text(change);
    write(fmt::format("{} {}\n", times_.text(change.wall),
                      change.is_watched ? text : style_.bad(text)));
}

void TextOutput::path(const pathtrace::PathReport& report) {
    const auto show = detail_ == Detail::all ? RepeatedLosses::Show::whole : losses_.show(report);
    if (show == RepeatedLosses::Show::no) {
        return;
    }
    write(path_text(report, style_, times_.text(report.wall)));
    if (show == RepeatedLosses::Show::last_of_its_cause) {
        write(fmt::format("{}{}\n", kIndent,
                          style_.faint("more flows that end like this are only counted")));
    }
}

void TextOutput::reset(const analysis::Reset& reset) {
    const fst_judgement& judgement = reset.judgement;
    const fst_packet& packet = reset.sighting.packet;
    const auto verdict = static_cast<fst_verdict>(judgement.verdict);
    std::string what =
        fmt::format("{}  {}  [{}] ttl {}  {}", flow_text(packet),
                    painted(verdict, text_of(verdict)), net::tcp_flags_short(packet.tcp_flags),
                    net::ttl_text(packet.ttl), reset.sighting.interface);
    if (judgement.verdict == FST_VERDICT_GENUINE && judgement.cause != FST_CAUSE_UNKNOWN) {
        what += fmt::format("  {}", text_of(static_cast<fst_cause>(judgement.cause)));
    }
    if (judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE)) {
        what += "  made on this host";
    }
    if (judgement.action == FST_ACTION_DROPPED) {
        what += "  dropped";
    }
    if (const std::string challenge = challenge_text(reset); !challenge.empty()) {
        what += "  " + challenge;
    }
    if (reset.answers) {
        what += fmt::format("  answers the challenge to #{}", *reset.answers);
    }
    if (judgement.pass_reason > FST_PASS_ANSWER) {
        what += fmt::format("  passed: {}",
                            text_of(static_cast<fst_pass_reason>(judgement.pass_reason)));
    }
    if (what == last_what_) {
        ++repeats_;
        return;
    }
    write(fmt::format("{} reset #{}{} {}{}\n", times_.text(reset.sighting.wall), reset.id,
                      reset.again ? ", again" : "", frame_text(reset.sighting), what));
    last_what_ = std::move(what);
}

/// Any other output ends a series of identical resets, and is preceded by their number.
void TextOutput::write(std::string_view text) {
    if (repeats_ != 0) {
        output_.write(
            style_.faint(fmt::format("{}and {} more like it", kIndent, grouped(repeats_))) + "\n");
    }
    repeats_ = 0;
    last_what_.clear();
    output_.write(output_.is_terminal() ? wrapped(text, output_.size().columns)
                                        : std::string(text));
}

void TextOutput::finding(const analysis::Finding& finding) {
    std::string block = fmt::format(
        "\n{} {} {}{}  {}  {}\n", times_.text(finding.sighting.wall),
        style_.strong(fmt::format("finding #{}{}", finding.id, finding.again ? ", again" : "")),
        frame_text(finding.sighting), painted(finding.verdict, headline_text(finding)),
        flow_text(finding.sighting.packet), finding.sighting.interface);
    block += fmt::format("{}{}\n", kIndent, summary_text(finding));
    std::string table = evidence_table(finding.kind, finding.evidence);
    if (!finding.again || finding.id != table_of_ || table != last_table_) {
        block += table;
        last_table_ = std::move(table);
        table_of_ = finding.id;
    }
    if (finding.kind == analysis::FindingKind::forged_rst && !finding.direction) {
        block += labelled("done", action_text(finding));
    }
    if (!finding.vendor.empty()) {
        block += labelled("made by", finding.vendor);
    }
    if (finding.middlebox) {
        block += labelled("box", fmt::format("#{}", *finding.middlebox));
    }
    if (finding.resolution) {
        block += labelled("outcome", resolution_text(*finding.resolution));
    }
    if (!finding.advice.empty()) {
        block += labelled("next", advice_text(finding));
    }
    write(block + "\n");
}

void TextOutput::incident(const analysis::Incident& incident) {
    write(incident_text(incident, style_, times_));
}

void TextOutput::middlebox(const analysis::Middlebox& box) {
    write(fmt::format(
              "{} {}  {}  {}\n", times_.text(box.last),
              style_.strong(fmt::format("middlebox #{}{}", box.id, box.again ? ", again" : "")),
              box.interface, summary_text(box)) +
          (box.is_learned ? fmt::format("{}its next one is known on arrival\n", kIndent) : ""));
}

void TextOutput::flow(const analysis::FlowRecord& record) {
    const fst_flow& flow = record.slot;
    const unsigned opener = net::opener_of(flow);
    const fst_direction& there = flow.direction[opener];
    const fst_direction& back = flow.direction[opener ^ 1U];
    write(fmt::format("{} flow {} > {}  {}{}  {} packets {} / {} packets {}  {}\n",
                      times_.text(record.last), net::end_of(flow.key, opener).text(),
                      net::end_of(flow.key, opener ^ 1U).text(), state_and_end(record),
                      stage_and_signature(record), grouped(there.packets), bytes_text(there.bytes),
                      grouped(back.packets), bytes_text(back.bytes), record.interface));
}

void TextOutput::stats(const analysis::Stats& stats) {
    write(fmt::format("{} {}", times_.text(stats.wall), stats_text(stats)));
}

void TextOutput::summary(const analysis::Stats& stats) {
    write(fmt::format("{} {}: {}", style_.strong(is_replay_ ? "Replayed" : "Watched for"),
                      duration_text(stats.uptime), stats_text(stats)));
}

std::string stats_text(const analysis::Stats& stats) {
    const auto& count = stats.counters;
    const std::uint64_t suspicious =
        count[FST_COUNT_RST_SUSPECTED] + count[FST_COUNT_RST_CONFIRMED];
    std::string text = fmt::format(
        "{} ({}), {}; {}, {} of them suspicious on arrival; findings: {} suspected, {} confirmed\n",
        counted_grouped(count[FST_COUNT_TCP], "packet"), bytes_text(count[FST_COUNT_BYTES]),
        counted_grouped(count[FST_COUNT_FLOW_NEW], "flow"),
        counted_grouped(count[FST_COUNT_RST], "reset"), grouped(suspicious),
        grouped(stats.findings_suspected), grouped(stats.findings_confirmed));
    if (count[FST_COUNT_DROPPED] != 0) {
        text += fmt::format("dropped: {}\n", counted_grouped(count[FST_COUNT_DROPPED], "reset"));
    }
    if (const analysis::ChallengeTally& tally = stats.challenges; tally.asked != 0) {
        text += fmt::format("challenges: {} asked, {} upheld, {} refuted, {} unanswered\n",
                            grouped(tally.asked), grouped(tally.upheld), grouped(tally.refuted),
                            grouped(tally.unanswered));
    }
    if (stats.stamps) {
        text += fmt::format("stamps: {} written\n", grouped(stats.stamps->written));
    }
    for (const auto& [encapsulation, frames] : stats.unopened) {
        text += fmt::format("{} {} {}, which is not opened\n", counted_grouped(frames, "frame"),
                            frames == 1 ? "holds" : "hold", encapsulation);
    }
    return text + losses_text(stats);
}

}  // namespace flowstamp::output
