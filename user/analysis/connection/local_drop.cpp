// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/local_drop.h"

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

Phrase what_happens(const HostDrop& drop) {
    const bool is_reset = drop.sighting.packet.tcp_flags & FST_TCP_RST;
    if (is_reset && drop.is_own) {
        return Phrase::host_keeps_own_reset;
    }
    if (drop.is_answered && !drop.is_own) {
        return Phrase::host_refuses;
    }
    return is_reset ? Phrase::host_drops_reset : Phrase::host_drops;
}

/// nullopt if empty.
std::optional<std::string> word(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

LocalDrop::Told LocalDrop::consume(const HostDrop& drop, FindingSink& sink) {
    if (reported_.size() >= kMost) {
        reported_.clear();
    }
    const bool has_rule = !drop.rule.empty();
    const fst_packet& packet = drop.sighting.packet;
    Finding finding{
        .kind = FindingKind::local_drop,
        .verdict = drop.is_certain ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED,
        .sighting = drop.sighting,
        .summary =
            {{.phrase = what_happens(drop),
              .values = {field::sender(net::sender_of(packet)),
                         field::receiver(net::receiver_of(packet)),
                         field::translated(word(drop.translated)), field::place(word(drop.at)),
                         (drop.is_certain ? field::rule : field::probable_rule)(word(drop.rule)),
                         field::drop_words(has_rule ? std::nullopt : word(drop.words))}}},
        .evidence = {{.signal = Signal::DROP_REASON,
                      .observed = {field::drop_reason(word(drop.reason)),
                                   field::drop_words(word(drop.words))}}},
    };
    if (!drop.look_at.empty()) {
        finding.advice = {{.phrase = Phrase::look_at, .values = {field::look_at(drop.look_at)}}};
    } else if (has_rule) {
        finding.advice = {{.phrase = Phrase::change_rule}};
    }
    if (has_rule) {
        finding.evidence.push_back(
            {.signal = Signal::RULE,
             .strength = drop.is_certain ? Strength::strong : Strength::weak,
             .observed = {field::rule(drop.rule), field::why(word(drop.why))}});
    }
    FindingUpdates& updates = reported_[{drop.at, drop.reason, drop.rule}];
    const bool is_known = updates.is_reported();
    updates.report(std::move(finding), findings_, sink);
    return {.finding = updates.id(), .is_known = is_known};
}

}  // namespace flowstamp::analysis
