// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/signature_learner.h"

#include <algorithm>

#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

Nanoseconds time_of(const ResetObservation& rst) {
    return Nanoseconds(static_cast<std::int64_t>(rst.packet().time_ns));
}

/// Whether two hosts may belong to one owner: one IPv4 /24, or one IPv6 /48.
bool is_related(const net::Endpoint& one, const net::Endpoint& two) {
    const std::ptrdiff_t prefix = one.is_v4() ? 12 + 3 : 6;
    return std::equal(one.address.begin(), one.address.begin() + prefix, two.address.begin());
}

/// Whether an IP-ID distinguishes its sender from this end.
bool is_distinctive(std::uint16_t ip_id, const fst_direction& own) {
    return ip_id > 1 && std::ranges::none_of(net::stamps_of(own), [&](const fst_stamp& stamp) {
               return stamp.ip_id == ip_id && !(stamp.tcp_flags & FST_TCP_RST);
           });
}

bool is_proven_alone(const fst_judgement& judgement) {
    return fst_conclude(judgement.signals & ~FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE),
                        judgement.context) == FST_VERDICT_CONFIRMED;
}

}  // namespace

void SignatureLearner::renew(const ResetObservation& rst, const Traits& traits, bool is_proven) {
    for (Entry& entry : entries_) {
        if (net::same_signature(entry.learned.signature, traits.signature)) {
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
    const Traits traits{.flow_id = rst.sighting().flow_id,
                        .sender = net::sender_of(packet),
                        .signature = {.ifindex = packet.key.ifindex,
                                      .ip_id = packet.ip_id,
                                      .hops = judgement.hops,
                                      .tcp_flags = packet.tcp_flags}};
    const bool is_proven = is_proven_alone(judgement);
    renew(rst, traits, is_proven);
    constexpr std::uint64_t kIdOfTheFlow =
        FST_SIGNAL_BIT(FST_SIGNAL_ID_ECHO) | FST_SIGNAL_BIT(FST_SIGNAL_ID_IN_SEQUENCE);
    if (!is_proven || (judgement.signals & kIdOfTheFlow) || packet.key.tunnelled ||
        !is_distinctive(packet.ip_id, rst.slot().direction[rst.direction()])) {
        return;
    }
    const bool is_shared = std::ranges::any_of(earlier_, [&](const Traits& earlier) {
        return earlier.flow_id != traits.flow_id && !is_related(earlier.sender, traits.sender) &&
               net::same_signature(earlier.signature, traits.signature);
    });
    if (is_shared) {
        learn_signature(traits.signature, rst);
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
    found.reserve(entries_.size());
    for (const Entry& entry : entries_) {
        found.push_back(entry.learned);
    }
    return found;
}

}  // namespace flowstamp::analysis
