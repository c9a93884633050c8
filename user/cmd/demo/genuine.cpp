// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Servers that really reset, under the strictest settings: their resets reach the application, and
// none is reported as forged.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kServed = 1'000'000;

RunPlan plan(std::string name, lab::Ending ending) {
    return {.name = std::move(name),
            .watch = {"--challenge", "all", "--drop", "suspected"},
            .server = {.stop_after = kServed, .before_ending = 100ms, .ending = ending},
            .bytes = 2 * kServed,
            .timeout = 5s};
}

std::array<RunPlan, 4> plans() {
    RunPlan unread = plan("unread data", lab::Ending::CloseUnread);
    RunPlan linger = plan("abort (linger 0)", lab::Ending::LingerZero);
    RunPlan vanished = plan("vanished socket", lab::Ending::Vanish);
    vanished.nudge_after = 200ms;
    RunPlan closed = plan("closed port", lab::Ending::Finish);
    closed.is_served = false;
    return {unread, linger, vanished, closed};
}

constexpr std::array<std::string_view, 4> kDescriptions = {
    "The server closes its socket with unread data from the client.",
    "The server aborts (SO_LINGER with 0 s).",
    "The server's socket disappears silently, as after a crash; the client sends once more.",
    "Nobody listens at the server's port.",
};

void expect_accepted(const RunRecord& record, Summary& summary) {
    const auto resets = record.resets();
    summary.expect(record,
                   record.download.outcome == lab::Outcome::Reset ||
                       record.download.outcome == lab::Outcome::Refused,
                   "the genuine reset did not reach the application");
    summary.expect(record, !resets.empty(), "watch reported no reset");
    summary.expect(record,
                   std::ranges::all_of(
                       resets, [](const ResetFact& reset) { return reset.verdict == "genuine"; }) &&
                       record.finding() == nullptr,
                   "a genuine reset was reported as forged");
}

}  // namespace

Status run_genuine(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "Refusing every reset would be easy. Here no firewall forges anything: the server itself "
        "resets, in four ways, under the strictest settings. Each reset must reach the "
        "application, and none may be reported as forged.");
    narrator.figure(path_drawing(context.lab, false));
    const auto all = plans();
    for (std::size_t i = 0; i < all.size(); ++i) {
        narrator.heading(fmt::format("{}. {}", i + 1, kDescriptions[i]));
        const auto record = run_download(context, all[i]);
        if (!record) {
            return std::unexpected(record.error());
        }
        narrator.gap();
        narrator.paragraph(download_sentence(*record));
        summary.add(*record);
        expect_accepted(*record, summary);
    }
    return {};
}

}  // namespace flowstamp::cmd::demo
