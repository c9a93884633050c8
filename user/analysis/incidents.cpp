// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/incidents.h"

#include <algorithm>
#include <utility>

#include "user/analysis/tracking/icmp_errors.h"
#include "user/net/endpoint_hash.h"
#include "user/net/names.h"

namespace flowstamp::analysis {

namespace {

/// The end that opened the connection, as far as anything shows it.
unsigned client_of(const fst_packet& packet, const fst_flow& slot) {
    if (packet.tcp_flags & FST_TCP_SYN) {
        const bool is_answer = packet.tcp_flags & FST_TCP_ACK;
        return (packet.direction & 1U) ^ (is_answer ? 1U : 0U);
    }
    fst_flow flow = slot;  // may be empty
    flow.key = packet.key;
    return net::opener_of(flow);
}

/// A word that the finding's first sentence names; else empty.
std::string word_of(const Finding& finding, Field field) {
    const Value* value =
        finding.summary.empty() ? nullptr : finding.summary.front().values.find(field);
    return value == nullptr ? "" : std::get<std::string>(*value);
}

net::Endpoint without_port(net::Endpoint end) {
    end.port = 0;
    return end;
}

/// Who rejects, if it is not the server itself.
std::optional<net::Endpoint> router_of(const Finding& finding) {
    if (finding.kind != FindingKind::icmp_rejected) {
        return std::nullopt;
    }
    const net::Endpoint router = icmp_sender(finding.sighting.packet);
    const bool is_server = router.address == net::receiver_of(finding.sighting.packet).address;
    return is_server ? std::nullopt : std::optional(router);
}

}  // namespace

Incidents::Cause Incidents::cause_of(const Finding& finding) {
    const fst_packet& packet = finding.sighting.packet;
    Cause cause{.kind = finding.kind, .place = {}, .number = 0};
    if (finding.kind == FindingKind::icmp_rejected) {
        cause.number = std::uint64_t{packet.icmp_type} << 8U | packet.icmp_code;
    }
    if (finding.middlebox) {
        cause.number = *finding.middlebox;
    } else if (finding.kind == FindingKind::local_drop) {
        cause.number = finding.id;  // LocalDrop reports one a place and rule
    } else if (const auto router = router_of(finding)) {
        cause.place = *router;
    } else {
        cause.place = net::end_of(packet.key, client_of(packet, finding.slot) ^ 1U);
    }
    return cause;
}

Incidents::Entry& Incidents::open(const Cause& cause, const Finding& finding) {
    if (entries_.size() >= kMost) {
        const auto quietest = std::ranges::min_element(
            entries_, {}, [](const auto& entry) { return entry.second.grown; });
        end(quietest->second);
        entries_.erase(quietest);
    }
    const fst_packet& packet = finding.sighting.packet;
    const unsigned client = client_of(packet, finding.slot);
    Entry& entry = entries_[++last_id_];
    entry.cause = cause;
    entry.incident = {.id = last_id_,
                      .kind = finding.kind,
                      .finding = finding.id,
                      .client = without_port(net::end_of(packet.key, client)),
                      .server = net::end_of(packet.key, client ^ 1U),
                      .middlebox = finding.middlebox,
                      .router = router_of(finding),
                      .interface = finding.sighting.interface,
                      .first = finding.sighting.wall,
                      .last = finding.sighting.wall};
    if (finding.kind == FindingKind::local_drop) {
        const std::string rule = word_of(finding, Field::rule);
        entry.incident.place = word_of(finding, Field::place);
        entry.incident.rule = rule.empty() ? word_of(finding, Field::probable_rule) : rule;
        entry.flows.insert(finding.sighting.flow_id);
    }
    open_[cause] = last_id_;
    return entry;
}

void Incidents::add(Entry& entry, const Sighting& sighting, unsigned client, Nanoseconds now) {
    Incident& incident = entry.incident;
    const fst_flow_key& key = sighting.packet.key;
    incident.count++;
    incident.first = std::min(incident.first, sighting.wall);
    incident.last = std::max(incident.last, sighting.wall);
    if (incident.server && *incident.server != net::end_of(key, client ^ 1U)) {
        incident.server.reset();
    }
    if (entry.clients.size() < kClientsKept) {
        entry.clients.insert(net::hash_of(without_port(net::end_of(key, client))));
        incident.clients = entry.clients.size();
    }
    entry.grown = now;
}

void Incidents::record(Finding& finding, Nanoseconds now) {
    auto known = of_finding_.find(finding.id);
    if (known == of_finding_.end()) {
        const Cause cause = cause_of(finding);
        const auto found = open_.find(cause);
        Entry& entry = found == open_.end() ? open(cause, finding) : entries_.at(found->second);
        add(entry, finding.sighting, client_of(finding.sighting.packet, finding.slot), now);
        known = of_finding_.emplace(finding.id, Known{entry.incident.id, false}).first;
    }
    // The first one, and the first that is sure.
    const auto entry = entries_.find(known->second.incident);
    if (entry != entries_.end() && finding.verdict > entry->second.verdict) {
        entry->second.verdict = finding.verdict;
        known->second.stands_for_it = true;
    }
    finding.incident = known->second.incident;
    finding.stands_for_incident = known->second.stands_for_it;
    if (of_finding_.size() > kFindings) {
        of_finding_.erase(of_finding_.begin());
    }
}

void Incidents::repeat(std::uint64_t finding, const Sighting& sighting, Nanoseconds now) {
    const auto known = of_finding_.find(finding);
    const auto place =
        known == of_finding_.end() ? entries_.end() : entries_.find(known->second.incident);
    if (place == entries_.end()) {
        return;
    }
    Entry& entry = place->second;
    if (entry.flows.contains(sighting.flow_id)) {
        return;
    }
    if (entry.flows.size() < kFlowsKept) {
        entry.flows.insert(sighting.flow_id);
    }
    entry.incident.has_ended = false;  // it goes on: no other finding says so
    open_[entry.cause] = entry.incident.id;
    add(entry, sighting, client_of(sighting.packet, {}), now);
}

Incident Incidents::report(Entry& entry) {
    entry.reported = entry.incident.count;
    return entry.incident;
}

/// One that never grew is told by its only finding.
void Incidents::end(Entry& entry) {
    if (entry.incident.has_ended) {
        return;
    }
    entry.incident.has_ended = true;
    open_.erase(entry.cause);
    if (entry.incident.count > 1) {
        ended_.push_back(report(entry));
    }
}

std::vector<Incident> Incidents::due(Nanoseconds now) {
    if (now < due_) {
        return {};
    }
    due_ = now + kReportEvery;
    std::vector<Incident> reports;
    for (auto& [id, entry] : entries_) {
        if (now - entry.grown >= kQuiet) {
            end(entry);
        } else if (entry.incident.count >= 2 * entry.reported) {
            reports.push_back(report(entry));
        }
    }
    reports.insert(reports.begin(), ended_.begin(), ended_.end());
    ended_.clear();
    return reports;
}

std::vector<Incident> Incidents::all() {
    std::vector<Incident> reports = std::exchange(ended_, {});
    for (auto& [id, entry] : entries_) {
        if (entry.incident.count > entry.reported) {
            reports.push_back(report(entry));
        }
    }
    return reports;
}

std::vector<Incident> Incidents::current() const {
    std::vector<Incident> now;
    for (const auto& [id, entry] : entries_) {
        now.push_back(entry.incident);
    }
    return now;
}

}  // namespace flowstamp::analysis
