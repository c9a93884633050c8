// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/nat_escape.h"

#include "flowstamp/acceptance_rules.h"
#include "user/analysis/tracking/both_ways.h"
#include "user/net/endpoint_hash.h"

namespace flowstamp::analysis {

namespace {

/// A flow of so many packets in the sender's direction is a connection, no stray segment.
constexpr std::uint32_t kStray = 8;

/// Whether an ACK of `ack` is one for what `own` has sent and may still be waiting for.
bool acknowledges(std::uint32_t ack, const fst_direction& own) {
    const auto behind = fst_sequence_after(own.seq_edge, ack);
    return (own.flags & FST_DIRECTION_SEEN) && behind >= 0 && behind <= 0xffff;
}

bool is_end_of(const fst_flow_key& key, const net::Endpoint& end) {
    return net::end_of(key, 0) == end || net::end_of(key, 1) == end;
}

}  // namespace

void NatEscape::observe(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    if (observation.kind() == FST_EVENT_ESTABLISHED) {
        keep(net::sender_of(packet), view_of(observation.event));
        if (const auto slot = tracking_.slots.read(view_of(observation.event));
            slot && (slot->state & FST_FLOW_MIDWAY)) {
            keep(net::receiver_of(packet), view_of(observation.event));
        }
    } else if (observation.kind() == FST_EVENT_RST && observation.slot) {
        was_reset(observation, sink);
    }
}

void NatEscape::keep(const net::Endpoint& end, const ViewKey& view) {
    flows_.insert(net::hash_of(end), {view.slot, view.generation});
}

/// A reset by an end that has sent nothing else on this flow, to a segment of no connection.
void NatEscape::was_reset(const Observation& observation, FindingSink& sink) {
    const fst_packet& rst = observation.event.packet;
    const unsigned direction = rst.direction & 1U;
    const fst_flow& stray = *observation.slot;
    const fst_direction& escaped = stray.direction[direction ^ 1U];
    if (!(stray.state & FST_FLOW_MIDWAY) ||
        (stray.direction[direction].flags & FST_DIRECTION_SEEN) ||
        !(escaped.flags & FST_DIRECTION_ACKED) || escaped.packets > kStray ||
        rst.seq != escaped.ack_edge) {
        return;
    }
    const net::Endpoint client = net::sender_of(rst);
    const net::Endpoint server = net::receiver_of(rst);
    const Connection* known = flows_.find(net::hash_of(client));
    const auto flow = known == nullptr
                          ? std::nullopt
                          : tracking_.slots.read(ViewKey{known->slot, known->generation, 0});
    if (!flow || !is_end_of(flow->key, client) || reported_.contains(server) ||
        reported_.size() >= kMost) {
        return;
    }
    const unsigned own = net::end_of(flow->key, 0) == client ? 0U : 1U;
    const net::Endpoint other_server = net::end_of(flow->key, own ^ 1U);
    if (other_server == server || !acknowledges(rst.seq, flow->direction[own])) {
        return;
    }
    reported_.insert(server);
    const bool exact = rst.seq == flow->direction[own].seq_edge;
    Finding finding{
        .kind = FindingKind::nat_escape,
        .verdict = exact ? highest_verdict(*flow) : FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::reply_left_untranslated,
                     .values = {field::server(server), field::client(client),
                                field::other_server(other_server)}}},
        .advice = {{.phrase = Phrase::drop_invalid, .values = {field::server(server)}}},
        .evidence = {{.signal = Signal::OTHER_FLOW,
                      .observed = {field::ack(rst.seq)},
                      .baseline = Values{field::seq(flow->direction[own].seq_edge),
                                         field::to(other_server)}},
                     {.signal = Signal::CLIENT_RESET, .observed = {field::source(client)}}},
        .slot = stray,
    };
    FindingUpdates().report(std::move(finding), tracking_.findings, sink);
}

std::unique_ptr<Detector> make_nat_escape(Tracking& tracking) {
    return std::make_unique<NatEscape>(tracking);
}

}  // namespace flowstamp::analysis
