// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/syn_unanswered.h"

#include "flowstamp/acceptance_rules.h"

namespace flowstamp::analysis {

namespace {

constexpr std::size_t kMost = 4096;

Statement statement(Phrase phrase, const SynTracker::Attempt& attempt, Nanoseconds until) {
    const fst_packet& syn = attempt.latest.packet;
    return {.phrase = phrase,
            .values = {field::client(net::sender_of(syn)), field::server(net::receiver_of(syn)),
                       field::server_ip(net::receiver_of(syn)), field::times(attempt.sent),
                       field::span(until - attempt.first)}};
}

/// Whether the client goes on as one does whose SYN was answered, by a way that is not seen here.
bool has_gone_on(const SynTracker::Attempt& attempt, const SlotReader& slots) {
    const auto slot = slots.read(attempt.places.front().view);
    if (!slot) {
        return false;
    }
    const unsigned client = attempt.latest.packet.direction & 1U;
    return fst_sequence_after(slot->direction[client].seq_edge, attempt.seq + 1) > 0 ||
           (slot->direction[client].flags & FST_DIRECTION_ACKED);
}

}  // namespace

void SynUnanswered::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() != FST_EVENT_SYN) {
        // An answer to a SYN, of any kind: `syns_` has recorded it.
        const bool by_view =
            observation.kind() == FST_EVENT_ICMP_ERROR || observation.kind() == FST_EVENT_STALE_ACK;
        SynTracker::Attempt* attempt = by_view
                                           ? tracking_.syns.of_view(view_of(observation.event))
                                           : tracking_.syns.answered_by(observation.event.packet);
        if (attempt != nullptr && attempt->answer != SynTracker::Answer::none) {
            answer(*attempt, observation.time(), sink);
        }
        return;
    }
    const SynTracker::Attempt* attempt = tracking_.syns.of_view(view_of(observation.event));
    if (attempt == nullptr || attempt->answer != SynTracker::Answer::none) {
        return;
    }
    if (attempt->sent >= kEnough) {
        report(*attempt,
               tracking_.both_ways.pass(observation.event.packet.key.ifindex)
                   ? FST_VERDICT_CONFIRMED
                   : FST_VERDICT_SUSPECTED,
               sink);
    } else if (attempt->sent > 1) {
        due_.emplace(observation.time() + kPatience, attempt->id);
    }
}

void SynUnanswered::report(const SynTracker::Attempt& attempt, fst_verdict verdict,
                           FindingSink& sink) {
    if (reported_.size() >= kMost && !reported_.contains(attempt.id)) {
        reported_.erase(reported_.begin());
    }
    if (has_gone_on(attempt, tracking_.slots)) {
        return;
    }
    const fst_packet& syn = attempt.latest.packet;
    Client* busy = reported_.contains(attempt.id) ? nullptr : client_with_many(attempt);
    if (busy != nullptr && busy->is_reported) {
        return;
    }
    Reported& reported = reported_[attempt.id];
    const bool both_ways_pass = tracking_.both_ways.pass(syn.key.ifindex);
    reported.finding = Finding{
        .kind = FindingKind::syn_unanswered,
        .verdict = verdict,
        .sighting = attempt.latest,
        .summary = {statement(Phrase::syn_unanswered, attempt, attempt.latest.time())},
        .advice = {{.phrase = Phrase::look_for_silent_drop,
                    .values = {field::server_ip(net::receiver_of(syn)),
                               field::interface(both_ways_pass
                                                    ? std::nullopt
                                                    : std::optional(attempt.latest.interface))}}},
        .evidence = {{.signal = Signal::SYN_AGAIN,
                      .observed = {field::times(attempt.sent),
                                   field::span(attempt.latest.time() - attempt.first)}},
                     {.signal = Signal::NO_ANSWER, .observed = {field::answers(0)}}},
    };
    if (const auto dropped = tracking_.host_drops.finding_of(syn)) {
        reported.finding.advice = {
            {.phrase = Phrase::host_drops_it, .values = {field::finding(*dropped)}}};
    }
    if (busy != nullptr) {
        busy->is_reported = true;
        reported.finding.summary = {
            {.phrase = Phrase::many_unanswered,
             .values = {field::client(net::sender_of(syn)), field::answers(busy->servers.size())}}};
        reported.finding.advice = {{.phrase = Phrase::look_at_client_side,
                                    .values = {field::client(net::sender_of(syn))}}};
    }
    reported.updates.report(reported.finding, tracking_.findings, sink);
}

/// The attempt's client, if it has asked many servers in vain of late; else null.
SynUnanswered::Client* SynUnanswered::client_with_many(const SynTracker::Attempt& attempt) {
    const fst_packet& syn = attempt.latest.packet;
    const Address address = net::sender_of(syn).address;
    if (clients_.size() >= kMost && !clients_.contains(address)) {
        clients_.clear();
    }
    Client& client = clients_[address];
    if (attempt.latest.time() - client.latest > kQuiet) {
        client = {};
    }
    client.latest = attempt.latest.time();
    if (client.servers.size() <= kMany) {
        client.servers.insert(net::receiver_of(syn));
    }
    return client.servers.size() > kMany ? &client : nullptr;
}

void SynUnanswered::answer(const SynTracker::Attempt& attempt, Nanoseconds now, FindingSink& sink) {
    const auto found = reported_.find(attempt.id);
    if (found == reported_.end()) {
        return;
    }
    Finding finding = found->second.finding;
    const bool is_rejected = attempt.answer == SynTracker::Answer::refused ||
                             attempt.answer == SynTracker::Answer::rejected;
    finding.summary = {statement(
        is_rejected ? Phrase::syn_rejected_late : Phrase::syn_answered_late, attempt, now)};
    finding.advice.clear();
    finding.resolution = is_rejected ? Resolution::ended : Resolution::answered;
    found->second.updates.report(std::move(finding), tracking_.findings, sink);
    reported_.erase(found);
}

void SynUnanswered::advance(Nanoseconds now, FindingSink& sink) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const SynTracker::Attempt* attempt = tracking_.syns.by_id(due_.begin()->second);
        due_.erase(due_.begin());
        if (attempt != nullptr && attempt->answer == SynTracker::Answer::none) {
            report(*attempt, FST_VERDICT_SUSPECTED, sink);
        }
    }
}

/// A silence that was too short proves nothing.
void SynUnanswered::finish(FindingSink&) {
    due_.clear();
}

std::unique_ptr<Detector> make_syn_unanswered(Tracking& tracking) {
    return std::make_unique<SynUnanswered>(tracking);
}

}  // namespace flowstamp::analysis
