// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A firewall that resets both ends, which one side alone cannot prevent.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// Triggered by the request: drops it and resets both ends, with the IP-ID of the packet that it
/// answers, as some middleboxes do.
RunPlan plan() {
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

void report_outcome(Narrator& narrator, const RunRecord& record) {
    narrator.line(fmt::format("The firewall forged {} to the client and {} to the server.",
                              record.injected_to_client(),
                              record.injected.size() - record.injected_to_client()));
    if (record.served.empty()) {
        narrator.line("The server's end: reset before its application had accepted it.");
    } else if (record.served.front().errno_value != 0) {
        narrator.line(fmt::format("The server's end: {}.",
                                  strerrorname_np(record.served.front().errno_value)));
    }
    narrator.paragraph(download_sentence(record));
}

void expect_both_ends(const RunRecord& record, Summary& summary) {
    const FindingFact* finding = record.finding();
    const auto resets = record.resets();
    summary.expect(record,
                   std::ranges::any_of(
                       resets, [](const ResetFact& reset) { return reset.action != "observed"; }),
                   "the forged reset was passed");
    summary.expect(record, finding != nullptr && finding->verdict == "confirmed",
                   "watch did not confirm the forgery");
    summary.expect(record, finding != nullptr && finding->resolution == "both-ends",
                   "the finding does not say that the far end was lost");
    summary.expect(record, !is_complete(record.download) && record.download.bytes == 0,
                   "data came, though the server had been reset");
    // The forged reset may overtake the handshake's last packet: then no application has it yet.
    summary.expect(record, record.served.empty() || record.served.front().errno_value == ECONNRESET,
                   "the server was not reset");
}

}  // namespace

Status run_forged_rst_both(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "The same path, and a harsher firewall: as soon as it sees the client's request, it drops "
        "it and resets both ends. flowstamp runs on the client only.");
    narrator.figure(path_drawing(context.lab, true));
    const auto record = run_download(context, plan());
    if (!record) {
        return std::unexpected(record.error());
    }
    narrator.gap();
    report_outcome(narrator, *record);
    if (const FindingFact* finding = record->finding();
        finding != nullptr && finding->resolution == "both-ends") {
        narrator.paragraph(
            "The forged reset did not end the client's connection. But the server had accepted the "
            "one sent to it: when challenged, its kernel no longer knows the connection, and "
            "answers with a genuine reset. Nothing on the client's side can restore the "
            "connection, and flowstamp reports that instead of a success. Run it at both ends, and "
            "both refuse.");
    }
    summary.add(*record);
    expect_both_ends(*record, summary);
    return {};
}

}  // namespace flowstamp::cmd::demo
