// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/benign_evidence.h"

#include <array>
#include <utility>

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"
#include "user/analysis/reset/path_values.h"

namespace flowstamp::analysis {

namespace {

/// A RST, and what the facts about it are taken from.
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
    return Evidence{.signal = Signal::UPHELD};
}

Fact answers_syn(const Subject& it) {
    if (!it.in(FST_CONTEXT_TO_SYN)) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::ANSWERS_SYN, .observed = {field::ack(it.rst.ack)}};
}

Fact same_distance(const Subject& it) {
    constexpr std::uint8_t kNoBaseline = 255;
    if (!fst_same_distance(&it.own, it.rst.ttl, 0) || it.judgement.base_hops == kNoBaseline ||
        it.in(FST_CONTEXT_NO_BASELINE)) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::SAME_DISTANCE,
                    .observed = {field::ttl(it.rst.ttl), field::hops(fst_hops(it.rst.ttl))},
                    .baseline = path_baseline(it.own)};
}

Fact stateless_shape(const Subject& it) {
    if (!it.in(FST_CONTEXT_STATELESS)) {
        return std::nullopt;
    }
    const fst_direction& other = it.slot.direction[(it.rst.direction & 1U) ^ 1U];
    return Evidence{.signal = Signal::STATELESS_SHAPE,
                    .observed = {field::window(it.rst.window), field::seq(it.rst.seq)},
                    .baseline = Values{field::ack_edge(other.ack_edge)}};
}

/// A counter that its sender shares among flows proves less than one of this flow alone.
Fact id_continues(const Subject& it) {
    if ((it.rst.flags & FST_PACKET_IPV6) || fst_id_class_of(&it.own) != FST_ID_GLOBAL ||
        !fst_id_continues(&it.own, it.rst.ip_id)) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::ID_CONTINUES,
                    .observed = {field::ip_id(it.rst.ip_id)},
                    .baseline = Values{field::ip_id(it.own.ip_id), field::ip_id_class("global")}};
}

Fact after_own_rst(const Subject& it) {
    if (!it.in(FST_CONTEXT_AFTER_OWN_RST) || it.in(FST_CONTEXT_FORGED_BEFORE)) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::AFTER_OWN_RST};
}

Fact after_fins(const Subject& it) {
    if (!fst_both_fins(it.slot.state)) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::AFTER_FINS};
}

Fact was_idle(const Subject& it) {
    if (it.past.idle) {
        return Evidence{.signal = Signal::RESTED, .observed = {field::idle(it.past.idle)}};
    }
    const auto silent = Nanoseconds(static_cast<std::int64_t>(it.rst.time_ns - it.own.last_ns));
    if (it.own.last_ns == 0 || silent < Nanoseconds(FST_SENDER_IDLE_NS)) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::RESTED, .observed = {field::silent(silent)}};
}

Fact aged_window(const Subject& it) {
    if (it.judgement.cause != FST_CAUSE_AGED_STATE) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::AGED_WINDOW, .observed = {field::window(it.rst.window)}};
}

Fact scan(const Subject& it) {
    if (!it.past.scan) {
        return std::nullopt;
    }
    const Scans::Scan& scan = *it.past.scan;
    return Evidence{
        .signal = Signal::SCAN,
        .observed = {scan.probe != ScanProbe::none ? field::probe(std::string(name_of(scan.probe)))
                                                   : field::ports(scan.ports)}};
}

Fact alive_not_acking(const Subject& it) {
    if (it.judgement.cause != FST_CAUSE_OTHER_HOST) {
        return std::nullopt;
    }
    return Evidence{.signal = Signal::ALIVE_NOT_ACKING};
}

}  // namespace

std::vector<Evidence> benign_evidence(const fst_packet& rst, const fst_judgement& judgement,
                                      const fst_flow& slot, const ResetPast& past) {
    static constexpr std::array kFacts = {
        upheld,     answers_syn, scan,         alive_not_acking, aged_window,    after_own_rst,
        after_fins, was_idle,    id_continues, same_distance,    stateless_shape};
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
