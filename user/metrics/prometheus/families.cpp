// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/metrics/prometheus/families.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "user/analysis/names.h"
#include "user/metrics/metric.h"

namespace flowstamp::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::initializer_list<std::string_view>;

double seconds(Nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

/// One family for each metric, filled value by value.
class Families {
  public:
    Families() {
        for (const MetricEntry& entry : every_metric()) {
            all_.push_back({.name = std::string(entry.name),
                            .help = std::string(entry.help),
                            .type = entry.type == MetricType::counter
                                        ? prometheus::MetricType::Counter
                                        : prometheus::MetricType::Gauge,
                            .metric = {}});
        }
    }

    /// `labels`: the values of the metric's labels, in the order of their names.
    void add(Metric metric, double value, Labels labels = {}) {
        std::string_view names = every_metric()[static_cast<std::size_t>(metric)].labels;
        MetricFamily& family = all_[static_cast<std::size_t>(metric)];
        ClientMetric& its = family.metric.emplace_back();
        for (const std::string_view label : labels) {
            const std::string_view name = names.substr(0, names.find(','));
            its.label.push_back({.name = std::string(name), .value = std::string(label)});
            names.remove_prefix(std::min(name.size() + 1, names.size()));
        }
        if (family.type == prometheus::MetricType::Counter) {
            its.counter.value = value;
        } else {
            its.gauge.value = value;
        }
    }
    /// Exact up to 2^53.
    void add(Metric metric, std::uint64_t value, Labels labels = {}) {
        add(metric, static_cast<double>(value), labels);
    }

    /// Those with a value.
    std::vector<MetricFamily> take() {
        std::erase_if(all_, [](const MetricFamily& family) { return family.metric.empty(); });
        return std::move(all_);
    }

  private:
    std::vector<MetricFamily> all_;
};

void add_run(Families& all, const Snapshot& its, Nanoseconds age) {
    all.add(Metric::build_info, 1.0, {its.version});
    all.add(Metric::uptime_seconds, seconds(its.stats.uptime));
    all.add(Metric::snapshot_age_seconds, seconds(age));
    all.add(Metric::interfaces, std::uint64_t{its.interfaces});
}

void add_packets(Families& all, const analysis::Counters& count) {
    all.add(Metric::packets_total, count[FST_COUNT_TCP]);
    all.add(Metric::packet_bytes_total, count[FST_COUNT_BYTES]);
    for (const auto& [reason, counter] : std::initializer_list<std::pair<const char*, fst_counter>>{
             {"not_ip", FST_COUNT_NOT_IP},
             {"not_tcp", FST_COUNT_NOT_TCP},
             {"fragment", FST_COUNT_FRAGMENT},
             {"cut", FST_COUNT_CUT},
             {"malformed", FST_COUNT_MALFORMED},
             {"too_deep", FST_COUNT_TOO_DEEP},
             {"split_header", FST_COUNT_SPLIT_HEADER}}) {
        all.add(Metric::unparsed_packets_total, count[counter], {reason});
    }
    all.add(Metric::unaccepted_packets_total, count[FST_COUNT_DAMAGED], {"damaged"});
    all.add(Metric::unaccepted_packets_total, count[FST_COUNT_REFUSED], {"refused"});
    all.add(Metric::icmp_errors_total, count[FST_COUNT_ICMP_ERROR]);
}

void add_flows(Families& all, const Snapshot& its) {
    const analysis::Counters& count = its.stats.counters;
    all.add(Metric::flows_total, count[FST_COUNT_FLOW_NEW]);
    all.add(Metric::table_slots, std::uint64_t{its.table_slots});
    for (std::size_t state = 0; state < net::kFlowStates; state++) {
        all.add(Metric::table_flows, its.tallies.flows[state],
                {net::state_name(static_cast<net::FlowState>(state))});
    }
    all.add(Metric::evictions_total, count[FST_COUNT_EVICT_CLOSED], {"closed"});
    all.add(Metric::evictions_total, count[FST_COUNT_EVICT_HALF_OPEN], {"half_open"});
    all.add(Metric::evictions_total, count[FST_COUNT_EVICT_IDLE], {"idle"});
    all.add(Metric::evictions_total, count[FST_COUNT_EVICT_LIVE], {"live"});
}

/// Of what was not forged the causes are listed from the start, so that rates begin at 0.
void add_resets(Families& all, const Snapshot& its) {
    const analysis::Counters& count = its.stats.counters;
    all.add(Metric::resets_seen_total, count[FST_COUNT_RST]);
    for (std::size_t verdict = 0; verdict < analysis::kVerdicts; verdict++) {
        for (std::size_t cause = 0; cause < analysis::kCauses.size(); cause++) {
            const bool is_usual = (verdict == FST_VERDICT_GENUINE) != (cause == FST_CAUSE_FORGED);
            const std::uint64_t resets = its.tallies.resets[verdict][cause];
            if (resets != 0 || is_usual) {
                all.add(Metric::resets_total, resets,
                        {analysis::name_of(static_cast<fst_verdict>(verdict)),
                         analysis::name_of(static_cast<fst_cause>(cause))});
            }
        }
    }
    all.add(Metric::actions_total, count[FST_COUNT_DROPPED], {"dropped"});
    all.add(Metric::actions_total, count[FST_COUNT_CHALLENGED], {"challenged"});
    all.add(Metric::actions_total, count[FST_COUNT_PASS_SUSPECT], {"passed_doubted"});
    all.add(Metric::actions_total, count[FST_COUNT_ACT_FAILED], {"failed"});
    const analysis::ChallengeTally& challenges = its.stats.challenges;
    all.add(Metric::challenges_total, challenges.asked);
    all.add(Metric::challenge_answers_total, challenges.upheld, {"upheld"});
    all.add(Metric::challenge_answers_total, challenges.refuted, {"refuted"});
    all.add(Metric::challenge_answers_total, challenges.unanswered, {"unanswered"});
}

void add_findings(Families& all, const analysis::FindingTallies& tallies) {
    for (const analysis::FindingKindEntry& entry : analysis::every_finding_kind()) {
        const analysis::FindingTally& its = tallies[static_cast<std::size_t>(entry.kind)];
        all.add(Metric::findings_total, its.reported, {entry.name});
        all.add(Metric::findings_confirmed_total, its.confirmed, {entry.name});
    }
}

void add_losses(Families& all, const Snapshot& its) {
    const analysis::Counters& count = its.stats.counters;
    all.add(Metric::events_total, count[FST_COUNT_EVENT]);
    if (its.stats.stamps) {
        all.add(Metric::stamps_total, its.stats.stamps->written);
    }
    for (const auto& [place, lost] : std::initializer_list<std::pair<const char*, std::uint64_t>>{
             {"event_ring", count[FST_COUNT_EVENT_LOST]},
             {"openings", count[FST_COUNT_OPENING_UNSAMPLED]},
             {"flow_table", count[FST_COUNT_EVICT_LIVE] + count[FST_COUNT_FLOW_LOST]},
             {"stamp_ring", count[FST_COUNT_STAMP_LOST]},
             {"unread_records", its.stats.records_unread},
             {"output_bound", its.report_loss.above_bound},
             {"output", its.report_loss.not_taken}}) {
        all.add(Metric::lost_total, lost, {place});
    }
    all.add(Metric::event_ring_bytes, std::uint64_t{its.backlog.ring_bytes});
    all.add(Metric::event_ring_used_bytes, std::uint64_t{its.backlog.used_bytes});
    all.add(Metric::event_lag_seconds, seconds(its.backlog.lag));
    for (const ProgramCost& program : its.programs) {
        all.add(Metric::program_runs_total, program.runs, {program.program});
        all.add(Metric::program_run_seconds_total, seconds(program.spent), {program.program});
    }
}

}  // namespace

std::vector<MetricFamily> families_of(const Snapshot& snapshot, Nanoseconds age) {
    Families all;
    add_run(all, snapshot, age);
    add_packets(all, snapshot.stats.counters);
    add_flows(all, snapshot);
    add_resets(all, snapshot);
    add_findings(all, snapshot.tallies.findings);
    add_losses(all, snapshot);
    return all.take();
}

}  // namespace flowstamp::metrics
