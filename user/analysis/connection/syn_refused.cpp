// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/connection/syn_refused.h"

#include <fmt/format.h>

#include "flowstamp/hops.h"

#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

namespace {

/// Packets of one host differ by a hop where equal-cost paths do.
constexpr unsigned kNearer = 2;

}  // namespace

void SynRefused::observe(const Observation& observation, FindingSink&) {
    const fst_judgement& judgement = observation.event.judgement;
    if (observation.kind() != FST_EVENT_RST || !(judgement.context & FST_CONTEXT_TO_SYN) ||
        judgement.verdict != FST_VERDICT_GENUINE || !observation.slot) {
        return;
    }
    if (is_scanner(observation.event.packet, observation.time()) || waiting_.size() >= kMost) {
        return;
    }
    waiting_.push_back(observation);
}

/// A RST to a SYN that no SYN-ACK has followed.
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

void SynRefused::report(const Observation& observation, Refusal& refusal, FindingSink& sink) {
    const fst_packet& rst = observation.event.packet;
    const net::Endpoint server = net::sender_of(rst);
    const unsigned hops = fst_hops(rst.ttl);
    const HostMemory::Host* host = hosts_.sender_of(rst);
    const std::optional<std::uint8_t> nearest =
        host == nullptr ? std::nullopt : host->nearest_hops();
    const bool known = nearest.has_value();
    const unsigned own_hops = nearest.value_or(0);
    // One hop is equal-cost paths, or a box just before the server: nothing to blame anyone for.
    const bool by_box = known && hops + kNearer <= own_hops;
    const bool by_peer = known && hops == own_hops;
    Finding finding{
        .kind = FindingKind::syn_refused,
        .verdict = FST_VERDICT_CONFIRMED,
        .sighting = sighting_of(observation),
        .evidence = {{.signal = "reset-to-syn",
                      .strength = Strength::conclusive,
                      .packet = fmt::format("RST+ACK, ttl {}", rst.ttl),
                      .baseline = std::nullopt}},
        .slot = *observation.slot,
    };
    if (known) {
        finding.evidence.push_back({.signal = by_box    ? "nearer"
                                              : by_peer ? "same-distance"
                                                        : "other-distance",
                                    .strength = by_box ? Strength::strong : Strength::weak,
                                    .packet = distance_text(hops),
                                    .baseline = distance_text(own_hops) + ", on earlier flows"});
    }
    if (by_box) {
        finding.summary =
            fmt::format("{} was refused a connection to {}, probably by a box {}: {} itself is {}.",
                        net::receiver_of(rst).ip_text(), server.text(), distance_text(hops),
                        server.ip_text(), distance_text(own_hops));
        finding.advice = fmt::format("look for a rule on the way that rejects with a TCP reset, {}",
                                     distance_text(hops));
    } else {
        finding.summary =
            fmt::format("{} refused {} a connection to port {}{}.", server.ip_text(),
                        net::receiver_of(rst).ip_text(), server.port,
                        by_peer ? ": nothing listens there, or its own firewall rejects"
                                : ", or a box in its name did: its distance cannot tell");
        finding.advice = fmt::format(
            "see whether anything listens on port {} of {}, and at its "
            "own firewall",
            server.port, server.ip_text());
    }
    refusal.updates.report(std::move(finding), findings_, sink);
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
    return std::make_unique<SynRefused>(tracking.hosts, tracking.syns, tracking.findings);
}

}  // namespace flowstamp::analysis
