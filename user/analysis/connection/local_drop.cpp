// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/connection/local_drop.h"

#include <fmt/format.h>

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

/// What was lost, and how one would say that it was.
std::string what_happens(const HostDrop& drop) {
    const fst_packet& packet = drop.sighting.packet;
    const std::string to = net::receiver_of(packet).text();
    const std::string ends =
        fmt::format("{} > {}{}", net::sender_of(packet).text(), to,
                    drop.translated.empty() ? "" : fmt::format(" (on as {})", drop.translated));
    const bool is_reset = packet.tcp_flags & FST_TCP_RST;
    if (is_reset && drop.is_own) {
        return fmt::format("The reset that this host makes for {} never leaves it", to);
    }
    if (drop.is_answered && !drop.is_own) {
        return "This host itself refuses " + ends;
    }
    return fmt::format("This host drops {}{}", is_reset ? "the reset " : "", ends);
}

}  // namespace

void LocalDrop::consume(const HostDrop& drop, FindingSink& sink) {
    if (stories_.size() >= kMost) {
        stories_.clear();
    }
    const bool has_rule = !drop.rule.empty();
    Finding finding{
        .kind = FindingKind::local_drop,
        .verdict = drop.is_certain ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED,
        .sighting = drop.sighting,
        .summary = fmt::format(
            "{}{}: {}{}.", what_happens(drop), drop.at.empty() ? "" : " at " + drop.at,
            has_rule && !drop.is_certain ? "probably by " : "", has_rule ? drop.rule : drop.words),
        .advice = has_rule ? "if it is not meant to be so, change that rule" : drop.look_at,
        .evidence = {{.signal = "drop-reason",
                      .strength = Strength::strong,
                      .packet = drop.reason,
                      .baseline = drop.words}},
    };
    if (has_rule) {
        finding.evidence.push_back({.signal = "rule",
                                    .strength = drop.is_certain ? Strength::strong : Strength::weak,
                                    .packet = drop.rule,
                                    .baseline = drop.why});
    }
    stories_[{drop.at, drop.reason, drop.rule}].report(std::move(finding), findings_, sink);
}

}  // namespace flowstamp::analysis
