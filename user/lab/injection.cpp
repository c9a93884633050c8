// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/injection.h"

namespace flowstamp::lab {

InjectionEngine::Decision InjectionEngine::observe(Side from, FrameView frame) {
    const std::optional<Segment> segment = parse_segment(frame);
    if (!segment) {
        return {};
    }
    const bool from_client = from == Side::Client;
    const Connection connection = from_client ? Connection{segment->source, segment->destination}
                                              : Connection{segment->destination, segment->source};
    State& state = connections_[connection];
    const bool opens = from_client && segment->has(Syn) && !segment->has(Ack);
    if (opens && segment->seq != state.client_isn) {
        state = State{};
        state.client_isn = segment->seq;
    }
    state.memory.observe(from, *segment);

    const bool fires = state.fired < injection_.trigger.times && triggers(from, *segment, state);
    if (fires) {
        ++state.fired;
    }
    Decision decision;
    decision.swallow = (fires && injection_.swallow == Swallow::Trigger) ||
                       (state.fired != 0 && injection_.swallow == Swallow::Connection);
    if (fires) {
        decision.forgeries = schedule(connection);
    }
    return decision;
}

bool InjectionEngine::triggers(Side from, const Segment& segment, const State& state) const {
    const Trigger& trigger = injection_.trigger;
    const FlowMemory& memory = state.memory;
    const std::uint64_t due = trigger.after_server_bytes + trigger.bytes_between * state.fired;
    const bool from_client = from == Side::Client;
    const std::uint16_t port = from_client ? segment.destination.port : segment.source.port;
    if (segment.has(Rst) || (trigger.port && *trigger.port != port) ||
        memory.side(Side::Server).payload_bytes < due ||
        (state.fired == 0 && id_gap(injection_.forgery, memory, Side::Server) < trigger.id_gap)) {
        return false;
    }
    switch (trigger.on) {
        case Trigger::On::Syn:
            return from_client && segment.has(Syn);
        case Trigger::On::SynAck:
            return !from_client && segment.has(Syn);
        case Trigger::On::ClientData:
            return from_client && segment.payload_bytes != 0;
        case Trigger::On::ServerData:
            return !from_client && segment.payload_bytes != 0;
        case Trigger::On::AllAcknowledged:
            return from_client && memory.side(Side::Server).payload_bytes != 0 &&
                   memory.all_acknowledged();
        case Trigger::On::ClientPacket:
            return from_client && !segment.has(Syn);
        case Trigger::On::ServerPacket:
            return !from_client && !segment.has(Syn);
    }
    return false;
}

std::vector<InjectionEngine::ScheduledForgery> InjectionEngine::schedule(
    const Connection& connection) const {
    std::vector<ScheduledForgery> forgeries;
    for (unsigned index = 0; index < injection_.count; ++index) {
        const auto after = injection_.delay + injection_.spacing * index;
        if (injection_.target != Target::Server) {
            forgeries.push_back({connection, Side::Client, index, after});
        }
        if (injection_.target != Target::Client) {
            forgeries.push_back({connection, Side::Server, index, after});
        }
    }
    return forgeries;
}

std::optional<Frame> InjectionEngine::forge(const ScheduledForgery& scheduled, const Hop& hop) {
    const Forgery& forgery = scheduled.toward == Side::Server && injection_.forgery_to_server
                                 ? *injection_.forgery_to_server
                                 : injection_.forgery;
    return lab::forge(forgery, connections_[scheduled.connection].memory, other(scheduled.toward),
                      hop, scheduled.index, random_);
}

}  // namespace flowstamp::lab
