// SPDX-License-Identifier: Apache-2.0
//
// The main story, in three acts: a download, and a firewall that forges a reset in the server's
// name. Watched; refused on evidence; a perfect forgery refused by asking.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/cmd/demo/twins.h"
#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kStrikeAfter = 3'000'000;  // bytes
constexpr std::uint64_t kStrikeAgainAfter = 1'500'000;
constexpr unsigned kStrikes = 3;

/// At moments at which the stream rests, so that a forged sequence number is the exact one.
lab::Injection firewall(const lab::Forgery& forgery) {
    return {.trigger = {.on = lab::Trigger::On::AllAcknowledged,
                        .after_server_bytes = kStrikeAfter,
                        .bytes_between = kStrikeAgainAfter,
                        .times = kStrikes},
            .forgery = forgery};
}

/// 8 MB/s, with rests of 8 ms.
lab::ServerOptions server() {
    return {.pace = {.chunk_bytes = 65'536, .pause = 8ms}};
}

ActPlan plan(std::string name, std::vector<std::string> watch, const lab::Forgery& forgery) {
    return {.name = std::move(name),
            .watch = std::move(watch),
            .injection = firewall(forgery),
            .server = server()};
}

void expect_refused(const ActRecord& record, Closing& closing) {
    const auto resets = record.resets();
    closing.expect(record, is_complete(record.download), download_sentence(record));
    closing.expect(record, resets.size() == record.injected.size() && !resets.empty(),
                   fmt::format("{} resets were forged, watch told of {}", record.injected.size(),
                               resets.size()));
    closing.expect(record,
                   std::ranges::none_of(
                       resets, [](const ResetFact& reset) { return reset.action == "observed"; }),
                   "a forged reset was let through");
    closing.expect(record, verdict_text(record) == "confirmed", "no forgery was confirmed");
}

void expect_killed(const ActRecord& record, Closing& closing) {
    closing.expect(record, record.download.outcome == lab::Outcome::Reset,
                   "the forged reset did not end the download");
    closing.expect(record, record.facts.dropped + record.facts.challenged == 0,
                   "a watch that only observes dropped or changed a packet");
}

void introduce(const DemoContext& context) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "A lab on this machine: five network namespaces, real sockets, and between the client and "
        "the server three routers. The client downloads 8 MB. The one in the middle is a firewall, "
        "and it does not like that: once 3 MB have passed, it sends the client a TCP reset (RST) "
        "in the server's name, as a filter does that wants a connection dead.");
    narrator.figure(path_drawing(context.lab, true));
}

Status act_1(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.heading("Act 1: only watching");
    narrator.paragraph("flowstamp runs on the client. By itself it changes nothing; it explains.");
    const auto record = perform(context, plan("1  watch", {}, {}));
    if (!record) {
        return std::unexpected(record.error());
    }
    narrator.gap();
    narrator.outcome(download_sentence(*record), is_complete(record->download));
    const FindingFact* finding = record->finding();
    const auto resets = record->resets();
    if (finding != nullptr && finding->sender_hops && !resets.empty()) {
        narrator.line(
            "The reset bore the server's address, but it had fewer routers behind it than "
            "anything else the server ever sent:");
        narrator.gap();
        narrator.figure(distance_drawing(context.lab, resets.front().hops, *finding->sender_hops));
    }
    closing.add(*record);
    expect_killed(*record, closing);
    closing.expect(*record, finding != nullptr && finding->verdict == "confirmed",
                   "watch did not confirm the forgery");
    return {};
}

/// An act in which what is forged is refused, up to its row in the closing table.
Result<ActRecord> play_refused(const DemoContext& context, Closing& closing, const ActPlan& plan) {
    auto record = perform(context, plan);
    if (record) {
        context.narrator.gap();
        context.narrator.line(fmt::format("The firewall forged {}.", sent_text(*record)));
        context.narrator.outcome(download_sentence(*record), is_complete(record->download));
        closing.add(*record);
        expect_refused(*record, closing);
    }
    return record;
}

Status act_2(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.heading("Act 2: --drop confirmed");
    narrator.paragraph(
        "The same firewall, the same resets. Now what is convicted on its evidence is refused in "
        "the kernel, before the TCP stack sees it. The first one is not even thrown away: it is "
        "made "
        "harmless in such a way that the stack asks the server whether it meant it (RFC 5961).");
    const auto record =
        play_refused(context, closing, plan("2  --drop confirmed", {"--drop", "confirmed"}, {}));
    return record ? Status{} : std::unexpected(record.error());
}

/// "45000028 00004000 ...": what follows the Ethernet header, by words of four bytes.
std::string words_of(const lab::Frame& frame) {
    constexpr std::size_t kEthernetBytes = 14, kWordBytes = 4;
    std::string text;
    for (std::size_t i = kEthernetBytes; i < frame.size(); ++i) {
        text += fmt::format("{}{:02x}",
                            i > kEthernetBytes && (i - kEthernetBytes) % kWordBytes == 0 ? " " : "",
                            frame[i]);
    }
    return text;
}

Status act_3_copy(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.heading("Act 3: --challenge all, against a perfect forgery");
    narrator.paragraph(
        "Now the firewall forges with care: it sends byte for byte what the server's own kernel "
        "sends for a connection that it does not know. To show it, a server's socket vanishes, the "
        "client speaks once more, and both answer. What the client gets, without the Ethernet "
        "header:");
    const auto twins = make_twins(context, {.forgery = lab::as_stateless_reset()});
    if (!twins) {
        return std::unexpected(twins.error());
    }
    const std::size_t differing = twins->differing_bytes();
    narrator.figure(words_of(twins->first) + "\n" + words_of(twins->second));
    narrator.paragraph(
        fmt::format("One is forged. {} bytes each, with the Ethernet header; {} of them differ.",
                    twins->first.size(), differing));
    const ActRecord copy{.name = "3  the copy"};
    closing.expect(copy, differing == 0, fmt::format("{} bytes differ", differing));
    return {};
}

Status act_3_watched(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.paragraph("Watching does not help here: there is nothing to see.");
    const auto record = perform(context, plan("3a watch", {}, lab::as_stateless_reset()));
    if (!record) {
        return std::unexpected(record.error());
    }
    narrator.gap();
    narrator.outcome(download_sentence(*record), is_complete(record->download));
    closing.add(*record);
    expect_killed(*record, closing);
    return {};
}

Status act_3_asked(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "So ask. Every reset is made inexact by one sequence number; the client's own stack then "
        "asks the server whether it meant it. A server that is gone says so, one round trip later. "
        "One that lives goes on sending and acknowledging, and that is proof.");
    const auto record =
        play_refused(context, closing,
                     plan("3b --challenge all", {"--challenge", "all"}, lab::as_stateless_reset()));
    if (!record) {
        return std::unexpected(record.error());
    }
    const auto resets = record->resets();
    closing.expect(*record,
                   std::ranges::any_of(
                       resets, [](const ResetFact& reset) { return reset.challenge == "refuted"; }),
                   "no reset was refuted");
    return {};
}

}  // namespace

Status play_forged_rst(const DemoContext& context, Closing& closing) {
    introduce(context);
    for (const auto play : {act_1, act_2, act_3_copy, act_3_watched, act_3_asked}) {
        if (Status played = play(context, closing); !played) {
            return played;
        }
    }
    return {};
}

}  // namespace flowstamp::cmd::demo
