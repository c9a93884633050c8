// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/return_path_mismatch.h"

#include <algorithm>

#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

namespace {

constexpr std::size_t kMost = 4096;

}  // namespace

void ReturnPathMismatch::observe(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    if (observation.kind() == FST_EVENT_RST) {
        // The client's own reset, to the answer, with the sequence number that it acknowledges.
        const auto found = cases_.find(packet.seq - 1);
        if (found != cases_.end() && !found->second.reset &&
            net::sender_of(packet) == net::receiver_of(found->second.syn_ack.event.packet) &&
            net::receiver_of(packet) == net::sender_of(found->second.syn_ack.event.packet)) {
            found->second.reset = true;
            report(found->second, sink);
        }
        return;
    }
    if (observation.kind() == FST_EVENT_ESTABLISHED) {
        completed(observation, sink);
        return;
    }
    if (observation.kind() != FST_EVENT_SYN_ACK) {
        return;
    }
    const SynTracker::Attempt* attempt = syns_.answered_by(packet);
    if (attempt == nullptr || attempt->answer != SynTracker::Answer::mismatched ||
        cases_.contains(attempt->seq)) {
        return;
    }
    // A scanner uses one port and sequence number for many hosts: then who answers was contacted,
    // too.
    if (syns_.was_contacted(net::receiver_of(packet), net::sender_of(packet))) {
        return;
    }
    const auto place =
        std::ranges::find(attempt->places, net::receiver_of(packet), &SynTracker::Place::client);
    if (place == attempt->places.end()) {
        return;
    }
    Case& mismatch = cases_[attempt->seq];
    mismatch.syn_ack = observation;
    mismatch.contacted = place->server;
    order_.push_back(attempt->seq);
    if (order_.size() > kMost) {
        cases_.erase(order_.front());
        order_.pop_front();
    }
}

/// The client goes on with who has answered.
void ReturnPathMismatch::completed(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const auto found = std::ranges::find_if(cases_, [&](const auto& item) {
        return view_of(item.second.syn_ack.event) == view_of(observation.event);
    });
    if (found == cases_.end()) {
        return;
    }
    Case& mismatch = found->second;
    if (mismatch.updates.is_reported()) {
        Finding finding = mismatch.finding;
        finding.summary = {{.phrase = Phrase::answer_was_accepted,
                            .values = {field::client(net::sender_of(packet)),
                                       field::server(net::receiver_of(packet))}}};
        finding.advice.clear();
        finding.resolution = Resolution::withdrawn;
        mismatch.updates.report(std::move(finding), findings_, sink);
    }
    std::erase(order_, found->first);
    cases_.erase(found);
}

void ReturnPathMismatch::advance(Nanoseconds now, FindingSink& sink) {
    for (auto& [seq, mismatch] : cases_) {
        if (!mismatch.updates.is_reported() && now - mismatch.syn_ack.time() >= kPatience) {
            report(mismatch, sink);
        }
    }
}

/// There may be another answer that was not seen here; the client's reset shows that none came.
void ReturnPathMismatch::report(Case& mismatch, FindingSink& sink) {
    const fst_packet& packet = mismatch.syn_ack.event.packet;
    const net::Endpoint client = net::receiver_of(packet);
    const net::Endpoint answered = net::sender_of(packet);
    Finding finding{
        .kind = FindingKind::return_path_mismatch,
        .verdict = mismatch.reset ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(mismatch.syn_ack),
        .summary = {{.phrase = Phrase::answered_from_elsewhere,
                     .values = {field::client(client), field::asked(mismatch.contacted),
                                field::server(answered)}}},
        .advice = {{.phrase = Phrase::translate_source,
                    .values = {field::asked(mismatch.contacted)}}},
        .evidence = {{.signal = Signal::ANSWER_FROM_ELSEWHERE,
                      .observed = {field::from(answered)},
                      .baseline = Values{field::to(mismatch.contacted)}},
                     {.signal = Signal::SAME_ISN,
                      .observed = {field::ack(packet.ack)},
                      .baseline = Values{field::seq(packet.ack - 1)}}},
    };
    if (mismatch.reset) {
        finding.summary.push_back({.phrase = Phrase::client_reset_answer,
                                   .values = {field::client(client), field::server_ip(answered)}});
        finding.evidence.push_back(
            {.signal = Signal::CLIENT_RESET, .observed = {field::source(client)}});
    }
    mismatch.finding = finding;
    mismatch.updates.report(std::move(finding), findings_, sink);
}

std::unique_ptr<Detector> make_return_path_mismatch(Tracking& tracking) {
    return std::make_unique<ReturnPathMismatch>(tracking.syns, tracking.findings);
}

}  // namespace flowstamp::analysis
