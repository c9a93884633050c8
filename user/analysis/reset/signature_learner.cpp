// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
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
    constexpr std::uint64_t kLearned =
        FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE) | FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_DISTANCE);
    return fst_conclude(judgement.signals & ~kLearned, judgement.context) == FST_VERDICT_CONFIRMED;
}

}  // namespace

void SignatureLearner::renew(const ResetObservation& rst, const Traits& traits, bool is_proven) {
    for (Entry& entry : entries_) {
        const fst_learned_signature& learned = entry.learned.signature;
        const bool matches =
            learned.hops == traits.hops && learned.tcp_flags == traits.tcp_flags &&
            (!(learned.flags & FST_LEARNED_IP_ID) || learned.ip_id == traits.ip_id) &&
            (!(learned.flags & FST_LEARNED_WINDOW) || learned.window == traits.window);
        if (matches) {
            entry.learned.seen = std::max(entry.learned.seen, rst.sighting().wall);
            entry.proven = is_proven ? std::max(entry.proven, time_of(rst)) : entry.proven;
            is_renewed_ = true;
        }
    }
}

void SignatureLearner::learn_signature(const fst_learned_signature& signature,
                                       const ResetObservation& rst) {
    const bool known = std::ranges::any_of(entries_, [&](const Entry& entry) {
        return net::same_signature(entry.learned.signature, signature);
    });
    if (known) {
        return;
    }
    const std::vector<Entry> before = entries_;
    if (entries_.size() == FST_LEARNED_MAX) {
        entries_.erase(std::ranges::min_element(entries_, {}, &Entry::proven));
    }
    const Nanoseconds wall = rst.sighting().wall;
    entries_.push_back({.learned = {.signature = signature, .learned = wall, .seen = wall},
                        .proven = time_of(rst)});
    if (!publish(time_of(rst))) {
        entries_ = before;
    }
}

bool SignatureLearner::publish(Nanoseconds now) {
    is_renewed_ = false;
    published_ = now;
    return policy_.publish(learned());
}

void SignatureLearner::note(const ResetObservation& rst, const fst_judgement& judgement) {
    if (!(judgement.context & (FST_CONTEXT_IN_WINDOW | FST_CONTEXT_TO_SYN))) {
        return;
    }
    const fst_packet& packet = rst.packet();
    constexpr std::uint64_t kIdOfTheFlow =
        FST_SIGNAL_BIT(FST_SIGNAL_ID_ECHO) | FST_SIGNAL_BIT(FST_SIGNAL_ID_IN_SEQUENCE);
    const Traits traits{
        .flow_id = rst.sighting().flow_id,
        .ip_id = packet.ip_id,
        .window = packet.window,
        .hops = judgement.hops,
        .tcp_flags = packet.tcp_flags,
        .id_counts = packet.ip_id > 1 && !(judgement.signals & kIdOfTheFlow),
        .window_counts = (judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_FOREIGN)) != 0};
    const bool is_proven = is_proven_alone(judgement);
    renew(rst, traits, is_proven);
    if (!is_proven) {
        return;
    }
    for (const Traits& earlier : earlier_) {
        if (earlier.flow_id == traits.flow_id || earlier.hops != traits.hops ||
            earlier.tcp_flags != traits.tcp_flags) {
            continue;
        }
        const bool id = traits.id_counts && earlier.id_counts && earlier.ip_id == traits.ip_id;
        const bool window =
            traits.window_counts && earlier.window_counts && earlier.window == traits.window;
        if (id || window) {
            learn_signature({.flags = learned_flags(id, window),
                             .ip_id = id ? traits.ip_id : __u16{0},
                             .window = window ? traits.window : __u16{0},
                             .hops = traits.hops,
                             .tcp_flags = traits.tcp_flags},
                            rst);
        }
    }
    earlier_.push_back(traits);
    if (earlier_.size() > kCompared) {
        earlier_.pop_front();
    }
}

void SignatureLearner::advance(Nanoseconds now) {
    const auto aged =
        std::erase_if(entries_, [&](const Entry& entry) { return now - entry.proven >= kLasts; });
    if (aged > 0 || (is_renewed_ && now - published_ >= kRenewedEvery)) {
        publish(now);
    }
}

std::vector<net::LearnedSignature> SignatureLearner::learned() const {
    std::vector<net::LearnedSignature> found;
    for (const Entry& entry : entries_) {
        found.push_back(entry.learned);
    }
    return found;
}

}  // namespace flowstamp::analysis
