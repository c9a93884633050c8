// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/zero_window.h"

#include <vector>

#include "user/analysis/tracking/both_ways.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

Values values_of(const ThisHost::Reader& reader) {
    return {field::process(reader.process), field::pid(static_cast<std::uint64_t>(reader.pid)),
            field::unread(reader.unread_bytes)};
}

}  // namespace

void ZeroWindow::observe(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            probed(observation, sink);
            break;
        case FST_EVENT_ACKED:
            // An answer to a probe acknowledges it, and the window may be closed still.
            if (observation.event.packet.window != 0) {
                end({view, (observation.event.packet.direction & 1U) ^ 1U}, Resolution::recovered,
                    sink);
            }
            break;
        case FST_EVENT_RST:
        case FST_EVENT_EVICTED:
        case FST_EVENT_ENDED:
            for (const unsigned side : {0U, 1U}) {
                end({view, side}, Resolution::ended, sink);
            }
            break;
        default:
            break;
    }
}

void ZeroWindow::probed(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const unsigned direction = packet.direction & 1U;
    const Retransmissions::Side side{view_of(observation.event), direction};
    const Retransmissions::Wait* wait = tracking_.retransmissions.of(side.first, direction);
    if (wait == nullptr || !observation.slot || (packet.tcp_flags & FST_TCP_FIN)) {
        return;
    }
    if (!wait->window_closed) {
        end(side, Resolution::recovered, sink);
        return;
    }
    const fst_direction& own = observation.slot->direction[direction];
    const fst_direction& other = observation.slot->direction[direction ^ 1U];
    Closed& closed = closed_[side];
    if (closed.probes++ == 0) {
        // Since the receiver closed it nothing new could be sent: at the latest since our last
        // data.
        closed.since = newest_byte_sent(observation, own);
    }
    closed.latest = observation.time();
    const Nanoseconds span = observation.time() - closed.since;
    if (span < kPatience) {
        return;
    }
    const net::Endpoint receiver = net::receiver_of(packet);
    if (!closed.updates.is_reported()) {
        closed.reader = tracking_.host.stuck_reader(receiver, net::sender_of(packet));
    }
    closed.finding = Finding{
        .kind = FindingKind::zero_window,
        .verdict = highest_verdict(*observation.slot),
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::window_is_closed,
                     .values = {field::receiver(receiver), field::receiver_ip(receiver),
                                field::sender_ip(net::sender_of(packet)), field::span(span)}}},
        .advice = {{.phrase = Phrase::look_at_reader, .values = {field::receiver_ip(receiver)}}},
        .evidence = {{.signal = Signal::WINDOW_CLOSED,
                      .observed = {field::window(0), field::span(span)},
                      .baseline = Values{field::ack_edge(other.ack_edge)}},
                     {.signal = Signal::WINDOW_PROBED, .observed = {field::times(closed.probes)}}},
        .slot = *observation.slot,
    };
    if (closed.reader) {
        closed.finding.summary.push_back(
            {.phrase = Phrase::reader_is_here, .values = values_of(*closed.reader)});
        closed.finding.evidence.push_back(
            {.signal = Signal::UNREAD_HERE, .observed = values_of(*closed.reader)});
    }
    closed.updates.report(closed.finding, tracking_.findings, sink);
}

void ZeroWindow::advance(Nanoseconds now, FindingSink& sink) {
    if (now - checked_ < kPatience) {
        return;
    }
    checked_ = now;
    // A window update is no answer to anything: only the slot shows it.
    std::vector<Retransmissions::Side> reopened;
    for (const auto& [side, closed] : closed_) {
        const auto slot = tracking_.slots.read(side.first);
        if (!slot || slot->direction[side.second ^ 1U].window != 0 ||
            now - closed.latest > Retransmissions::kForget) {
            reopened.push_back(side);
        }
    }
    for (const Retransmissions::Side& side : reopened) {
        end(side, Resolution::recovered, sink);
    }
}

/// The window opens by an ACK that is no event: it was closed at the latest probe for certain.
void ZeroWindow::end(const Retransmissions::Side& side, Resolution resolution, FindingSink& sink) {
    const auto found = closed_.find(side);
    if (found == closed_.end()) {
        return;
    }
    Closed& closed = found->second;
    if (closed.updates.is_reported()) {
        const fst_packet& packet = closed.finding.sighting.packet;
        const bool recovered = resolution == Resolution::recovered;
        closed.finding.summary = {
            {.phrase = recovered ? Phrase::window_reopened : Phrase::window_stayed_closed,
             .values = {field::receiver(net::receiver_of(packet)),
                        field::span(closed.latest - closed.since)}}};
        if (recovered) {
            closed.finding.advice.clear();
        }
        closed.finding.resolution = resolution;
        closed.updates.report(closed.finding, tracking_.findings, sink);
    }
    closed_.erase(found);
}

std::unique_ptr<Detector> make_zero_window(Tracking& tracking) {
    return std::make_unique<ZeroWindow>(tracking);
}

}  // namespace flowstamp::analysis
