// SPDX-License-Identifier: Apache-2.0
//
// Servers that really reset, under the strictest watch: their resets reach the application, and
// nobody is blamed.
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

ActPlan plan(std::string name, lab::Farewell farewell) {
    return {.name = std::move(name),
            .watch = {"--challenge", "all", "--drop", "suspected"},
            .server = {.stop_after = kServed, .before_farewell = 100ms, .farewell = farewell},
            .bytes = 2 * kServed,
            .timeout = 5s};
}

std::array<ActPlan, 4> plans() {
    ActPlan unread = plan("unread data", lab::Farewell::CloseUnread);
    ActPlan linger = plan("abort (linger 0)", lab::Farewell::LingerZero);
    ActPlan vanished = plan("vanished socket", lab::Farewell::Vanish);
    vanished.nudge_after = 200ms;
    ActPlan closed = plan("closed port", lab::Farewell::Finish);
    closed.is_served = false;
    return {unread, linger, vanished, closed};
}

constexpr std::array<std::string_view, 4> kStories = {
    "The server closes its socket with data of ours unread.",
    "The server aborts (SO_LINGER with 0 s).",
    "The server's socket is gone without a word, as after a crash; the client speaks once more.",
    "Nobody listens at the server's port.",
};

void expect_believed(const ActRecord& record, Closing& closing) {
    const auto resets = record.resets();
    closing.expect(record,
                   record.download.outcome == lab::Outcome::Reset ||
                       record.download.outcome == lab::Outcome::Refused,
                   "the genuine reset did not reach the application");
    closing.expect(record, !resets.empty(), "watch told of no reset");
    closing.expect(record,
                   std::ranges::all_of(
                       resets, [](const ResetFact& reset) { return reset.verdict == "genuine"; }) &&
                       record.finding() == nullptr,
                   "a genuine reset was blamed");
}

}  // namespace

Status play_genuine(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "Refusing everything would be easy. Here no firewall forges anything: the server itself "
        "resets, in four ways, under the strictest watch there is. Each reset has to reach the "
        "application, and nobody may be blamed.");
    narrator.figure(path_drawing(context.lab, false));
    const auto all = plans();
    for (std::size_t i = 0; i < all.size(); ++i) {
        narrator.heading(fmt::format("{}. {}", i + 1, kStories[i]));
        const auto record = perform(context, all[i]);
        if (!record) {
            return std::unexpected(record.error());
        }
        narrator.gap();
        narrator.paragraph(download_sentence(*record));
        closing.add(*record);
        expect_believed(*record, closing);
    }
    return {};
}

}  // namespace flowstamp::cmd::demo
