// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/text_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "user/base/time_text.h"
#include "user/base/wrap.h"
#include "user/net/endpoint.h"
#include "user/net/names.h"
#include "user/output/text/cleaned.h"
#include "user/output/text/comparison_text.h"
#include "user/output/text/counted.h"
#include "user/output/text/finding_text.h"
#include "user/output/text/incident_text.h"
#include "user/output/text/interface_text.h"
#include "user/output/text/middlebox_text.h"
#include "user/output/text/open_flow_text.h"
#include "user/output/text/path_text.h"
#include "user/output/text/stats_text.h"
#include "user/output/text/words.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kIndent = "    ";

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

}  // namespace

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
    std::string what = fmt::format("{}  {}  [{}] ttl {}  {}", flow_text(packet),
                                   painted(verdict, text_of(verdict), style_),
                                   net::tcp_flags_short(packet.tcp_flags),
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
    output_.write(output_.is_terminal() ? wrap_lines(text, output_.size().columns)
                                        : std::string(text));
}

void TextOutput::finding(const analysis::Finding& finding) {
    std::string table = evidence_table(finding, style_);
    const bool is_known = finding.again && finding.id == table_of_ && table == last_table_;
    write(fmt::format("\n{}\n", finding_text(finding, style_, times_.text(finding.sighting.wall),
                                             is_known ? "" : table)));
    last_table_ = std::move(table);
    table_of_ = finding.id;
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

}  // namespace flowstamp::output
