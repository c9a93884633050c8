// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The main scenario, in three steps: a download, and a firewall that forges a reset in the server's
// name. Watched; dropped on evidence; an exact copy of a genuine reset, refuted by a challenge.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/reset_pair.h"
#include "user/cmd/demo/scenario.h"
#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kFireAfter = 3'000'000;  // bytes
constexpr std::uint64_t kFireAgainAfter = 1'500'000;
constexpr unsigned kFirings = 3;

/// Fires while the stream is idle, so that the forged sequence number is exact.
lab::Injection firewall(const lab::Forgery& forgery) {
    return {.trigger = {.on = lab::Trigger::On::AllAcknowledged,
                        .after_server_bytes = kFireAfter,
                        .bytes_between = kFireAgainAfter,
                        .times = kFirings},
            .forgery = forgery};
}

/// 8 MB/s, with pauses of 8 ms. As much at a time as a host hands over in one piece: of two, the
/// second would race a forgery that is made when the first is acknowledged.
lab::ServerOptions server() {
    return {.pace = {.chunk_bytes = 45 * 1448, .pause = 8ms}};
}

RunPlan plan(std::string name, std::vector<std::string> watch, const lab::Forgery& forgery) {
    return {.name = std::move(name),
            .watch = std::move(watch),
            .injection = firewall(forgery),
            .server = server()};
}

void expect_refused(const RunRecord& record, Summary& summary) {
    const auto resets = record.resets();
    summary.expect(record, is_complete(record.download), download_sentence(record));
    summary.expect(record, resets.size() == record.injected.size() && !resets.empty(),
                   fmt::format("{} resets were forged, watch reported {}", record.injected.size(),
                               resets.size()));
    summary.expect(record,
                   std::ranges::none_of(
                       resets, [](const ResetFact& reset) { return reset.action == "observed"; }),
                   "a forged reset was passed");
    summary.expect(record, verdict_text(record) == "confirmed", "no forgery was confirmed");
}

void expect_reset(const RunRecord& record, Summary& summary) {
    summary.expect(record, record.download.outcome == lab::Outcome::Reset,
                   "the forged reset did not end the download");
    summary.expect(record, record.facts.dropped + record.facts.challenged == 0,
                   "a watch that only observes dropped or changed a packet");
}

void introduce(const DemoContext& context) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "A lab on this machine: five network namespaces, real sockets, and between the client and "
        "the server three routers. The client downloads 8 MB. The router in the middle is a "
        "firewall: once 3 MB have passed, it sends the client a TCP reset (RST) in the server's "
        "name, as a filter does that wants to end a connection.");
    narrator.figure(path_drawing(context.lab, true));
}

Status watch_only(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.heading("Step 1: watch only");
    narrator.paragraph(
        "flowstamp runs on the client. Without options it changes nothing; it only reports.");
    const auto record = run_download(context, plan("1  watch", {}, {}));
    if (!record) {
        return std::unexpected(record.error());
    }
    narrator.gap();
    narrator.outcome(download_sentence(*record), is_complete(record->download));
    const FindingFact* finding = record->finding();
    const auto resets = record->resets();
    if (finding != nullptr && finding->sender_hops && !resets.empty()) {
        narrator.line(
            "The reset had the server's address, but passed fewer routers than anything else that "
            "the server sent:");
        narrator.gap();
        narrator.figure(distance_drawing(context.lab, resets.front().hops, *finding->sender_hops));
    }
    summary.add(*record);
    expect_reset(*record, summary);
    summary.expect(*record, finding != nullptr && finding->verdict == "confirmed",
                   "watch did not confirm the forgery");
    return {};
}

/// A step in which the forged resets are refused, including its row in the summary.
Result<RunRecord> run_refused(const DemoContext& context, Summary& summary, const RunPlan& plan) {
    auto record = run_download(context, plan);
    if (record) {
        context.narrator.gap();
        context.narrator.line(fmt::format("The firewall forged {}.", sent_text(*record)));
        context.narrator.outcome(download_sentence(*record), is_complete(record->download));
        summary.add(*record);
        expect_refused(*record, summary);
    }
    return record;
}

Status drop_confirmed(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.heading("Step 2: --drop confirmed");
    narrator.paragraph(
        "The same firewall, the same resets. Now a reset confirmed as forged by its evidence is "
        "refused in the kernel, before the TCP stack sees it. The first one is not dropped but "
        "changed so that the stack challenges it: it asks the server whether the reset is its own "
        "(challenge ACK, RFC 5961).");
    const auto record =
        run_refused(context, summary, plan("2  --drop confirmed", {"--drop", "confirmed"}, {}));
    return record ? Status{} : std::unexpected(record.error());
}

/// "45000028 00004000 ...": the bytes after the Ethernet header, in groups of four.
std::string hex_text(const lab::Frame& frame) {
    constexpr std::size_t kEthernetBytes = 14, kWordBytes = 4;
    std::string text;
    for (std::size_t i = kEthernetBytes; i < frame.size(); ++i) {
        text += fmt::format("{}{:02x}",
                            i > kEthernetBytes && (i - kEthernetBytes) % kWordBytes == 0 ? " " : "",
                            frame[i]);
    }
    return text;
}

Status show_exact_copy(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.heading("Step 3: --challenge all, against an exact copy");
    narrator.paragraph(
        "Now the firewall sends byte for byte what the server's own kernel sends for a connection "
        "that it does not know. To show this, a server's socket disappears, the client sends once "
        "more, and both answer. What the client receives, without the Ethernet header:");
    const auto pair = make_reset_pair(context, {.forgery = lab::as_stateless_reset()});
    if (!pair) {
        return std::unexpected(pair.error());
    }
    const std::size_t differing = pair->differing_bytes();
    narrator.figure(hex_text(pair->first) + "\n" + hex_text(pair->second));
    narrator.paragraph(
        fmt::format("One is forged. {} bytes each, with the Ethernet header; {} of them differ.",
                    pair->first.size(), differing));
    const RunRecord copy{.name = "3  the copy"};
    summary.expect(copy, differing == 0, fmt::format("{} bytes differ", differing));
    return {};
}

Status watch_exact_copy(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph("Watching does not help here: there is no evidence to see.");
    const auto record = run_download(context, plan("3a watch", {}, lab::as_stateless_reset()));
    if (!record) {
        return std::unexpected(record.error());
    }
    narrator.gap();
    narrator.outcome(download_sentence(*record), is_complete(record->download));
    summary.add(*record);
    expect_reset(*record, summary);
    return {};
}

Status challenge_all(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "So challenge it. Every reset is made into a keepalive, which the client's own stack "
        "answers "
        "with an ACK to the server. A server whose socket is gone confirms the reset one round "
        "trip "
        "later. One that is alive goes on sending and acknowledging, which "
        "proves that the reset was forged.");
    const auto record =
        run_refused(context, summary,
                    plan("3b --challenge all", {"--challenge", "all"}, lab::as_stateless_reset()));
    if (!record) {
        return std::unexpected(record.error());
    }
    const auto resets = record->resets();
    summary.expect(*record,
                   std::ranges::any_of(
                       resets, [](const ResetFact& reset) { return reset.challenge == "refuted"; }),
                   "no reset was refuted");
    return {};
}

}  // namespace

Status run_forged_rst(const DemoContext& context, Summary& summary) {
    introduce(context);
    for (const auto run :
         {watch_only, drop_confirmed, show_exact_copy, watch_exact_copy, challenge_all}) {
        if (Status result = run(context, summary); !result) {
            return result;
        }
    }
    return {};
}

}  // namespace flowstamp::cmd::demo
