// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/reset/signature_learner.h"

#include <algorithm>

namespace flowstamp::analysis {

namespace {

Nanoseconds time_of(const ResetObservation& rst) {
    return Nanoseconds(static_cast<std::int64_t>(rst.packet().time_ns));
}

__u16 learned_flags(bool id, bool window) {
    unsigned flags = FST_LEARNED_USED | FST_LEARNED_HOPS;
    if (id) {
        flags |= FST_LEARNED_IP_ID;
    }
    if (window) {
        flags |= FST_LEARNED_WINDOW;
    }
    return static_cast<__u16>(flags);
}

bool is_proven_alone(const fst_judgement& judgement) {
    constexpr std::uint64_t kLessons =
        FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE) | FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_DISTANCE);
    return fst_conclude(judgement.signals & ~kLessons, judgement.context) == FST_VERDICT_CONFIRMED;
}

}  // namespace

void SignatureLearner::renew(const ResetObservation& rst, const Mark& mark, bool is_proven) {
    for (Entry& entry : entries_) {
        const fst_learned_signature& learned = entry.learned.signature;
        const bool bears = learned.hops == mark.hops && learned.tcp_flags == mark.tcp_flags &&
                           (!(learned.flags & FST_LEARNED_IP_ID) || learned.ip_id == mark.ip_id) &&
                           (!(learned.flags & FST_LEARNED_WINDOW) || learned.window == mark.window);
        if (bears) {
            entry.learned.seen = std::max(entry.learned.seen, rst.sighting().wall);
            entry.proven = is_proven ? std::max(entry.proven, time_of(rst)) : entry.proven;
        }
    }
}

void SignatureLearner::learn_signature(const fst_learned_signature& signature, const ResetObservation& rst) {
    const bool known = std::ranges::any_of(entries_, [&](const Entry& entry) {
        return net::same_signature(entry.learned.signature, signature);
    });
    if (known) {
        return;
    }
    if (entries_.size() == FST_LEARNED_MAX) {
        const auto stalest = std::ranges::min_element(entries_, {}, &Entry::proven);
        policy_.forget(stalest->learned.signature);
        entries_.erase(stalest);
    }
    if (!policy_.learn_signature(signature)) {
        return;
    }
    const Nanoseconds wall = rst.sighting().wall;
    entries_.push_back(
        {.learned = {.signature = signature, .learned = wall, .seen = wall}, .proven = time_of(rst)});
}

void SignatureLearner::note(const ResetObservation& rst, const fst_judgement& judgement) {
    if (!(judgement.context & (FST_CONTEXT_IN_WINDOW | FST_CONTEXT_TO_SYN))) {
        return;
    }
    const fst_packet& packet = rst.packet();
    constexpr std::uint64_t kIdOfTheFlow =
        FST_SIGNAL_BIT(FST_SIGNAL_ID_ECHO) | FST_SIGNAL_BIT(FST_SIGNAL_ID_IN_SEQUENCE);
    const Mark mark{
        .flow_id = rst.sighting().flow_id,
        .ip_id = packet.ip_id,
        .window = packet.window,
        .hops = judgement.hops,
        .tcp_flags = packet.tcp_flags,
        .id_counts = packet.ip_id > 1 && !(judgement.signals & kIdOfTheFlow),
        .window_counts = (judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_FOREIGN)) != 0};
    const bool is_proven = is_proven_alone(judgement);
    renew(rst, mark, is_proven);
    if (!is_proven) {
        return;
    }
    for (const Mark& earlier : marks_) {
        if (earlier.flow_id == mark.flow_id || earlier.hops != mark.hops ||
            earlier.tcp_flags != mark.tcp_flags) {
            continue;
        }
        const bool id = mark.id_counts && earlier.id_counts && earlier.ip_id == mark.ip_id;
        const bool window =
            mark.window_counts && earlier.window_counts && earlier.window == mark.window;
        if (id || window) {
            learn_signature({.flags = learned_flags(id, window),
                   .ip_id = id ? mark.ip_id : __u16{0},
                   .window = window ? mark.window : __u16{0},
                   .hops = mark.hops,
                   .tcp_flags = mark.tcp_flags},
                  rst);
        }
    }
    marks_.push_back(mark);
    if (marks_.size() > kCompared) {
        marks_.pop_front();
    }
}

void SignatureLearner::advance(Nanoseconds now) {
    std::erase_if(entries_, [&](const Entry& entry) {
        const bool aged = now - entry.proven >= kLasts;
        if (aged) {
            policy_.forget(entry.learned.signature);
        }
        return aged;
    });
}

std::vector<net::LearnedSignature> SignatureLearner::learned() const {
    std::vector<net::LearnedSignature> found;
    for (const Entry& entry : entries_) {
        found.push_back(entry.learned);
    }
    return found;
}

}  // namespace flowstamp::analysis
