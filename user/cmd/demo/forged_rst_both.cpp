// SPDX-License-Identifier: Apache-2.0
//
// What cannot be beaten from one side: a firewall that resets both ends.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// Strikes at the request: it swallows it and resets both ends, with the IP-ID of the packet that
/// it answers, as some such boxes do.
ActPlan plan() {
    return {.name = "both ends reset",
            .watch = {"--drop", "confirmed"},
            .injection =
                lab::Injection{.trigger = {.on = lab::Trigger::On::ClientData},
                               .target = lab::Target::Both,
                               .forgery = {.ip_id = lab::IpId::echo_receiver()},
                               .forgery_to_server = lab::Forgery{.seq = lab::Seq::receiver_ack()},
                               .swallow = lab::Swallow::Trigger},
            .timeout = 5s,
            .nudge_after = 1500ms};
}

void report_outcome(Narrator& narrator, const ActRecord& record) {
    narrator.line(fmt::format("The firewall forged {} to the client and {} to the server.",
                              record.injected_to_client(),
                              record.injected.size() - record.injected_to_client()));
    if (!record.served.empty() && record.served.front().errno_value != 0) {
        narrator.line(fmt::format("The server's end: {}.",
                                  strerrorname_np(record.served.front().errno_value)));
    }
    narrator.paragraph(download_sentence(record));
}

void expect_honest(const ActRecord& record, Closing& closing) {
    const FindingFact* finding = record.finding();
    const auto resets = record.resets();
    closing.expect(record,
                   std::ranges::any_of(
                       resets, [](const ResetFact& reset) { return reset.action != "observed"; }),
                   "the forged reset was let through");
    closing.expect(record, finding != nullptr && finding->verdict == "confirmed",
                   "watch did not confirm the forgery");
    closing.expect(record, finding != nullptr && finding->resolution == "both-ends",
                   "the finding does not say that the far end was lost");
    closing.expect(record, !is_complete(record.download) && record.download.bytes == 0,
                   "data came, though the server had been reset");
    closing.expect(record,
                   !record.served.empty() && record.served.front().errno_value == ECONNRESET,
                   "the server was not reset");
}

}  // namespace

Status play_forged_rst_both(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "The same path, and a harsher firewall: as soon as the client's request passes, it "
        "swallows "
        "it and resets both ends. flowstamp runs on the client only.");
    narrator.figure(path_drawing(context.lab, true));
    const auto record = perform(context, plan());
    if (!record) {
        return std::unexpected(record.error());
    }
    narrator.gap();
    report_outcome(narrator, *record);
    if (const FindingFact* finding = record->finding();
        finding != nullptr && finding->resolution == "both-ends") {
        narrator.paragraph(
            "The forged reset did not end the client's connection. But the server had believed its "
            "own: asked, its kernel no longer knows the connection and says so, and that reset is "
            "genuine. Nothing that the client's side does brings the connection back; flowstamp "
            "says so instead of claiming a rescue. Run it at both ends, and both refuse.");
    }
    closing.add(*record);
    expect_honest(*record, closing);
    return {};
}

}  // namespace flowstamp::cmd::demo
