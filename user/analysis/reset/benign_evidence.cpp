// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/reset/benign_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "flowstamp/reset_rules.h"
#include "user/base/time_text.h"
#include "user/net/names.h"

namespace flowstamp::analysis {

namespace {

/// What the facts of one RST are read from.
struct Subject {
    const fst_packet& rst;
    const fst_judgement& judgement;
    const fst_flow& slot;
    const fst_direction& own;
    const ResetPast& past;
    [[nodiscard]] bool in(std::uint32_t context) const { return judgement.context & context; }
};
using Fact = std::optional<Evidence>;

Fact upheld(const Subject& it) {
    if (it.judgement.challenge != FST_CHALLENGE_UPHELD) {
        return std::nullopt;
    }
    return Evidence{.signal = "upheld",
                    .strength = Strength::voucher,
                    .packet = "asked whether it meant it",
                    .baseline = "its sender reset again"};
}

Fact answers_syn(const Subject& it) {
    if (!it.in(FST_CONTEXT_TO_SYN)) {
        return std::nullopt;
    }
    return Evidence{.signal = "answers-syn",
                    .strength = Strength::benign,
                    .packet = "acknowledges the SYN",
                    .baseline = "no SYN-ACK before it"};
}

Fact same_distance(const Subject& it) {
    const bool is_same = std::ranges::any_of(it.own.ttl, [&](std::uint8_t ttl) {
        return ttl != 0 && fst_hops(ttl) == fst_hops(it.rst.ttl);
    });
    constexpr std::uint8_t kNoBaseline = 255;
    if (!is_same || it.judgement.base_hops == kNoBaseline || it.in(FST_CONTEXT_NO_BASELINE)) {
        return std::nullopt;
    }
    return Evidence{.signal = "same-distance",
                    .strength = Strength::benign,
                    .packet = net::ttl_text(it.rst.ttl),
                    .baseline = net::ttl_set_text(it.own)};
}

Fact stateless_shape(const Subject& it) {
    if (!it.in(FST_CONTEXT_STATELESS)) {
        return std::nullopt;
    }
    return Evidence{
        .signal = "stateless-shape",
        .strength = Strength::benign,
        .packet = fmt::format("no ACK, window 0, no options, seq {}", it.rst.seq),
        .baseline = fmt::format("the other end's latest ACK {}",
                                it.slot.direction[(it.rst.direction & 1U) ^ 1U].ack_edge)};
}

/// A counter that its sender shares among flows proves less than one of this flow alone.
Fact id_continues(const Subject& it) {
    const auto step = static_cast<std::uint16_t>(it.rst.ip_id - it.own.ip_id);
    if ((it.rst.flags & FST_PACKET_IPV6) || fst_id_class_of(&it.own) != FST_ID_GLOBAL || step == 0 ||
        step > FST_SAME_COUNTER) {
        return std::nullopt;
    }
    return Evidence{.signal = "id-continues",
                    .strength = Strength::benign,
                    .packet = fmt::format("{:#06x}", it.rst.ip_id),
                    .baseline = fmt::format("latest {:#06x}, global", it.own.ip_id)};
}

Fact after_own_rst(const Subject& it) {
    if (!it.in(FST_CONTEXT_AFTER_OWN_RST) || it.in(FST_CONTEXT_FORGED_BEFORE)) {
        return std::nullopt;
    }
    return Evidence{.signal = "after-own-rst",
                    .strength = Strength::benign,
                    .packet = "an answer to a reset",
                    .baseline = "the other end had reset the flow before"};
}

Fact after_fins(const Subject& it) {
    if (!fst_both_fins(it.slot.state)) {
        return std::nullopt;
    }
    return Evidence{.signal = "after-fins",
                    .strength = Strength::benign,
                    .packet = "a reset of a closed connection",
                    .baseline = "both ends had said FIN"};
}

Fact rested(const Subject& it) {
    if (it.past.idle) {
        return Evidence{
            .signal = "rested",
            .strength = Strength::benign,
            .packet = "answers the first words after a rest",
            .baseline = fmt::format("the flow had rested for {}", duration_text(*it.past.idle))};
    }
    const auto silent = Nanoseconds(static_cast<std::int64_t>(it.rst.time_ns - it.own.last_ns));
    if (it.own.last_ns == 0 || silent < Nanoseconds(FST_SENDER_IDLE_NS)) {
        return std::nullopt;
    }
    return Evidence{
        .signal = "rested",
        .strength = Strength::benign,
        .packet = "a reset after a silence",
        .baseline = fmt::format("its sender had been silent for {}", duration_text(silent))};
}

Fact aged_window(const Subject& it) {
    if (it.judgement.cause != FST_CAUSE_AGED_STATE) {
        return std::nullopt;
    }
    return Evidence{.signal = "aged-window",
                    .strength = Strength::benign,
                    .packet = fmt::format("window {}", it.rst.window),
                    .baseline = "a balancer's, for a connection that it no longer knows"};
}

Fact scan(const Subject& it) {
    if (!it.past.scan) {
        return std::nullopt;
    }
    return Evidence{.signal = "scan",
                    .strength = Strength::benign,
                    .packet = "takes back a SYN that was accepted",
                    .baseline = it.past.scan->probe != ScanProbe::none
                                    ? std::string(text_of(it.past.scan->probe))
                                    : fmt::format("it did so at {} or more ports of that host",
                                                  it.past.scan->ports)};
}

Fact deaf_life(const Subject& it) {
    if (it.judgement.cause != FST_CAUSE_OTHER_HOST) {
        return std::nullopt;
    }
    return Evidence{.signal = "deaf-life",
                    .strength = Strength::benign,
                    .packet = "answers an ACK, as a kernel without the connection does",
                    .baseline = "its address goes on, but acknowledges nothing sent since"};
}

}  // namespace

std::vector<Evidence> benign_evidence(const fst_packet& rst, const fst_judgement& judgement,
                                      const fst_flow& slot, const ResetPast& past) {
    static constexpr std::array kFacts = {upheld,       answers_syn,   scan,           deaf_life,
                                          aged_window,  after_own_rst, after_fins,     rested,
                                          id_continues, same_distance, stateless_shape};
    const Subject subject{rst, judgement, slot, slot.direction[rst.direction & 1U], past};
    std::vector<Evidence> all;
    for (const auto& fact : kFacts) {
        if (auto evidence = fact(subject)) {
            all.push_back(std::move(*evidence));
        }
    }
    return all;
}

}  // namespace flowstamp::analysis
