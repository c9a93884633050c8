// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/syn_flood.h"

#include <utility>

namespace flowstamp::analysis {

/// The listener that the observation's attempt was made at; null if that is not known, or if there
/// are too many.
SynFlood::Listener* SynFlood::listener_of(const Observation& observation) {
    const SynTracker::Attempt* attempt = tracking_.syns.of_view(view_of(observation.event));
    if (attempt == nullptr || attempt->places.front().view != view_of(observation.event)) {
        return nullptr;
    }
    const net::Endpoint& server = attempt->places.front().server;
    if (listeners_.size() >= kMost && !listeners_.contains(server)) {
        return nullptr;
    }
    return &listeners_[server];
}

void SynFlood::observe(const Observation& observation, FindingSink&) {
    const fst_event_kind kind = observation.kind();
    const bool begins = tracking_.syns.begins_attempt(observation);
    const bool refuses =
        kind == FST_EVENT_RST && (observation.event.judgement.context & FST_CONTEXT_TO_SYN);
    if (!begins && !refuses && kind != FST_EVENT_SYN_ACK && kind != FST_EVENT_ESTABLISHED) {
        return;
    }
    Listener* listener = listener_of(observation);
    if (listener == nullptr) {
        return;
    }
    listener->answered += kind == FST_EVENT_SYN_ACK;
    listener->completed += kind == FST_EVENT_ESTABLISHED;
    listener->refused += refuses;
    if (begins) {
        listener->attempts++;
        listener->latest = sighting_of(observation);
        if (listener->clients.size() < kMostClients) {
            listener->clients.insert(net::sender_of(observation.event.packet).address);
        }
    }
}

void SynFlood::report(const net::Endpoint& end, Listener& listener, FindingSink& sink) {
    const FieldValue clients = field::clients(listener.clients.size());
    listener.finding = Finding{
        .kind = FindingKind::syn_flood,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = listener.latest,
        .summary = {{.phrase = Phrase::syns_flood_listener,
                     .values = {field::server(end), field::packets(listener.attempts), clients,
                                field::completed(listener.completed), field::span(kWindow)}}},
        .advice = {{.phrase = Phrase::use_syn_cookies, .values = {field::server(end)}}},
        .evidence = {{.signal = Signal::ATTEMPTS,
                      .observed = {field::packets(listener.attempts), clients}},
                     {.signal = Signal::COMPLETED,
                      .observed = {field::completed(listener.completed)},
                      .baseline = Values{field::answers(listener.answered)}}},
    };
    listener.updates.report(listener.finding, tracking_.findings, sink);
}

/// Judges what came in the window that is over, and begins the next.
void SynFlood::close_window(FindingSink& sink) {
    for (auto place = listeners_.begin(); place != listeners_.end();) {
        auto& [end, listener] = *place;
        if (listener.is_flooded()) {
            report(end, listener, sink);
        } else if (listener.updates.is_reported()) {
            listener.finding.resolution = Resolution::ended;
            listener.finding.advice.clear();
            listener.updates.report(listener.finding, tracking_.findings, sink);
            place = listeners_.erase(place);
            continue;
        }
        if (!listener.updates.is_reported()) {
            place = listeners_.erase(place);
            continue;
        }
        listener = Listener{.latest = listener.latest,
                            .updates = listener.updates,
                            .finding = std::move(listener.finding)};
        ++place;
    }
}

void SynFlood::advance(Nanoseconds now, FindingSink& sink) {
    if (now < window_ends_) {
        return;
    }
    window_ends_ = now + kWindow;
    close_window(sink);
}

void SynFlood::finish(FindingSink& sink) {
    close_window(sink);
}

std::unique_ptr<Detector> make_syn_flood(Tracking& tracking) {
    return std::make_unique<SynFlood>(tracking);
}

}  // namespace flowstamp::analysis
