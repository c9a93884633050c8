// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/syn_refused.h"

#include <algorithm>

#include "flowstamp/hops.h"

#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

namespace {

/// Over equal-cost paths, packets of one host may differ by a hop.
constexpr unsigned kNearer = 2;

bool is_from_socket(const Observation& rst) {
    return rst.event.judgement.context & FST_CONTEXT_FROM_SOCKET;
}

/// A connection to this host's own address. Its TCP's reset has a socket; of IPv6 only since
/// Linux 6.13.
Phrase refused_itself(const Observation& rst) {
    if (is_from_socket(rst)) {
        return Phrase::refused_by_own_stack;
    }
    return rst.event.packet.flags & FST_PACKET_IPV6 ? Phrase::refused_by_this_host
                                                    : Phrase::refused_by_own_rule;
}

Statements advice_here(Phrase refused, const Observation& rst) {
    const Statement listens{.phrase = Phrase::see_what_listens_here,
                            .values = {field::port(net::sender_of(rst.event.packet).port)}};
    const Statement rules{.phrase = Phrase::look_at_own_rules};
    switch (refused) {
        case Phrase::refused_by_own_stack:
            return {listens};
        case Phrase::refused_by_own_rule:
            return {rules};
        case Phrase::refused_by_this_host:
            return {listens, rules};
        default:
            return {{.phrase = is_from_socket(rst) ? Phrase::look_for_program_here
                                                   : Phrase::look_for_rule_here}};
    }
}

}  // namespace

void SynRefused::observe(const Observation& observation, FindingSink&) {
    const fst_judgement& judgement = observation.event.judgement;
    if (observation.kind() != FST_EVENT_RST || !(judgement.context & FST_CONTEXT_TO_SYN) ||
        judgement.verdict != FST_VERDICT_GENUINE || !observation.slot) {
        return;
    }
    if (observation.event.packet.hook != FST_HOOK_TC_EGRESS) {
        came_in_.push_back(observation.packet_id);
        if (came_in_.size() > kCameInMost) {
            came_in_.pop_front();
        }
    }
    if (is_scanner(observation.event.packet, observation.time()) || waiting_.size() >= kMost) {
        return;
    }
    waiting_.push_back(observation);
}

/// Judges a RST to a SYN when the wait for a SYN-ACK is over.
void SynRefused::consume(const Observation& observation, FindingSink& sink) {
    const fst_packet& rst = observation.event.packet;
    const SynTracker::Attempt* attempt = syns_.answered_by(rst);
    if (attempt != nullptr && attempt->answer == SynTracker::Answer::accepted) {
        return;
    }
    const std::pair key{net::sender_of(rst), fst_hops(rst.ttl)};
    if (refusals_.size() >= kMost && !refusals_.contains(key)) {
        return;
    }
    Refusal& refusal = refusals_[key];
    if (observation.time() - refusal.latest > kQuiet) {
        refusal.updates = {};
    }
    refusal.latest = observation.time();
    if (!refusal.updates.is_reported()) {
        report(observation, refusal, sink);
    }
}

bool SynRefused::is_scanner(const fst_packet& rst, Nanoseconds now) {
    if (clients_.size() >= kMost) {
        clients_.clear();
    }
    Client& client = clients_[{net::receiver_of(rst).address, net::sender_of(rst).address}];
    if (now - client.latest > kQuiet) {
        client.ports.clear();
    }
    client.latest = now;
    if (client.ports.size() <= kScan) {
        client.ports.insert(net::sender_of(rst).port);
    }
    return client.ports.size() > kScan;
}

bool SynRefused::came_in(const Observation& observation) const {
    return observation.event.packet.hook != FST_HOOK_TC_EGRESS ||
           std::ranges::find(came_in_, observation.packet_id) != came_in_.end();
}

/// The finding, if this host made the RST: it came in by no interface, and is in this host's own
/// name, or in the name of one to which this host forwards by another interface, which is watched.
/// nullopt: it did not, or another network namespace or a program that forwards frames by itself may
/// have sent it.
std::optional<Finding> SynRefused::refused_here(const Observation& observation) const {
    const fst_packet& rst = observation.event.packet;
    if (!(observation.event.judgement.context & FST_CONTEXT_NEVER_CAME_IN) ||
        came_in(observation)) {
        return std::nullopt;
    }
    const net::Endpoint server = net::sender_of(rst);
    const auto route = this_host_.route_to(server);
    if (!route || (!route->is_own && (!route->is_watched || route->ifindex == rst.key.ifindex))) {
        return std::nullopt;
    }
    const Phrase phrase =
        route->is_own ? refused_itself(observation) : Phrase::refused_here_in_its_name;
    return Finding{
        .kind = FindingKind::syn_refused,
        .verdict = FST_VERDICT_CONFIRMED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = phrase,
                     .values = {field::client(net::receiver_of(rst)), field::server(server),
                                field::server_ip(server), field::left_by(observation.interface)}}},
        .advice = advice_here(phrase, observation),
        .evidence = {{.signal = Signal::RESET_TO_SYN,
                      .observed = {field::ttl(rst.ttl), field::hops(fst_hops(rst.ttl))}},
                     {.signal = Signal::MADE_HERE,
                      .observed = {field::left_by(observation.interface)}}},
        .slot = *observation.slot,
    };
}

/// Who refused is told by the distance.
Finding SynRefused::refused_there(const Observation& observation) const {
    const fst_packet& rst = observation.event.packet;
    const net::Endpoint server = net::sender_of(rst);
    const unsigned hops = fst_hops(rst.ttl);
    const HostMemory::Host* host = hosts_.sender_of(rst);
    const std::optional<std::uint8_t> nearest =
        host == nullptr ? hosts_.nearest_by_other_ports(rst) : host->nearest_hops();
    const bool known = nearest.has_value();
    const unsigned own_hops = nearest.value_or(0);
    // One hop may be equal-cost paths, or a box right before the server: attributed to neither.
    const bool by_box = known && hops + kNearer <= own_hops;
    // No box stands between a host and itself.
    const bool by_itself = server.address == net::receiver_of(rst).address;
    const bool by_peer = known && hops == own_hops;
    Finding finding{
        .kind = FindingKind::syn_refused,
        .verdict = FST_VERDICT_CONFIRMED,
        .sighting = sighting_of(observation),
        .evidence = {{.signal = Signal::RESET_TO_SYN,
                      .observed = {field::ttl(rst.ttl), field::hops(hops)}}},
        .slot = *observation.slot,
    };
    if (known) {
        finding.evidence.push_back({.signal = by_box    ? Signal::NEARER
                                              : by_peer ? Signal::SAME_DISTANCE
                                                        : Signal::OTHER_DISTANCE,
                                    .strength = by_box ? Strength::strong : Strength::weak,
                                    .observed = {field::hops(hops)},
                                    .baseline = Values{field::hops(own_hops)}});
    }
    if (by_box) {
        finding.summary = {
            {.phrase = Phrase::refused_by_box,
             .values = {field::client(net::receiver_of(rst)), field::server(server),
                        field::server_ip(server), field::hops(hops), field::base_hops(own_hops)}}};
        finding.advice = {{.phrase = Phrase::look_for_reject_rule, .values = {field::hops(hops)}}};
    } else {
        finding.summary = {
            {.phrase = by_peer || by_itself ? Phrase::refused_by_host
                       : known              ? Phrase::refused_by_either
                                            : Phrase::refused_by_unknown,
             .values = {field::server_ip(server), field::client(net::receiver_of(rst)),
                        field::port(server.port)}}};
        finding.advice = {{.phrase = Phrase::see_what_listens,
                           .values = {field::port(server.port), field::server_ip(server)}}};
    }
    return finding;
}

void SynRefused::report(const Observation& observation, Refusal& refusal, FindingSink& sink) {
    auto here = refused_here(observation);
    refusal.updates.report(here ? *std::move(here) : refused_there(observation), findings_, sink);
}

void SynRefused::finish(FindingSink& sink) {
    for (const Observation& observation : waiting_) {
        consume(observation, sink);
    }
    waiting_.clear();
}

void SynRefused::advance(Nanoseconds now, FindingSink& sink) {
    while (!waiting_.empty() && waiting_.front().time() + kWait <= now) {
        consume(waiting_.front(), sink);
        waiting_.pop_front();
    }
    if (now - swept_ < kQuiet) {
        return;
    }
    swept_ = now;
    std::erase_if(refusals_, [&](const auto& entry) { return now - entry.second.latest > kQuiet; });
    std::erase_if(clients_, [&](const auto& entry) { return now - entry.second.latest > kQuiet; });
}

std::unique_ptr<Detector> make_syn_refused(Tracking& tracking) {
    return std::make_unique<SynRefused>(tracking.hosts, tracking.syns, tracking.host,
                                        tracking.findings);
}

}  // namespace flowstamp::analysis
