// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/metrics/prometheus/families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <set>
#include <string>

#include "user/metrics/metric.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

/// A snapshot in which nothing is missing.
metrics::Snapshot whole() {
    metrics::Snapshot its;
    its.version = "1.2.3";
    its.interfaces = 2;
    its.table_slots = 78'643;
    its.stats.uptime = 1500ms;
    for (std::size_t i = 0; i < its.stats.counters.size(); i++) {
        its.stats.counters[i] = 1000 + i;
    }
    its.stats.stamps = {.written = 5, .lost = 2};
    its.stats.challenges = {.asked = 9, .upheld = 3, .refuted = 4, .unanswered = 1};
    its.tallies.findings[static_cast<std::size_t>(analysis::FindingKind::stalled)] = {7, 6};
    its.tallies.resets[FST_VERDICT_GENUINE][FST_CAUSE_ABORT] = 11;
    its.tallies.flows[static_cast<std::size_t>(net::FlowState::established)] = 13;
    its.backlog = {.ring_bytes = 8192, .used_bytes = 4096, .lag = 250ms};
    its.report_loss = {.above_bound = 17, .not_taken = 19};
    its.programs = {{.program = "tc_egress", .runs = 4, .spent = 100ns}};
    return its;
}

std::string text_of(const metrics::Snapshot& snapshot) {
    return prometheus::TextSerializer().Serialize(metrics::families_of(snapshot, 500ms));
}

TEST(MetricsFamilies, HaveTheNumbersOfTheRun) {
    const std::string text = text_of(whole());
    for (const char* line : {
             "flowstamp_build_info{version=\"1.2.3\"} 1\n",
             "flowstamp_uptime_seconds 1.5\n",
             "flowstamp_snapshot_age_seconds 0.5\n",
             "flowstamp_packets_total 1000\n",
             "flowstamp_packet_bytes_total 1001\n",
             "flowstamp_unparsed_packets_total{reason=\"cut\"} 1006\n",
             "flowstamp_table_flows{state=\"established\"} 13\n",
             "flowstamp_evictions_total{flow=\"live\"} 1013\n",
             "flowstamp_resets_total{verdict=\"genuine\",cause=\"abort\"} 11\n",
             "flowstamp_resets_total{verdict=\"confirmed\",cause=\"forged\"} 0\n",
             "flowstamp_actions_total{action=\"dropped\"} 1018\n",
             "flowstamp_challenges_total 9\n",
             "flowstamp_challenge_answers_total{answer=\"refuted\"} 4\n",
             "flowstamp_findings_total{kind=\"stalled\"} 7\n",
             "flowstamp_findings_confirmed_total{kind=\"stalled\"} 6\n",
             "flowstamp_findings_total{kind=\"local-drop\"} 0\n",
             "flowstamp_stamps_total 5\n",
             "flowstamp_lost_total{place=\"event_ring\"} 1025\n",
             "flowstamp_lost_total{place=\"flow_table\"} 2027\n",
             "flowstamp_lost_total{place=\"output_bound\"} 17\n",
             "flowstamp_lost_total{place=\"output\"} 19\n",
             "flowstamp_event_ring_used_bytes 4096\n",
             "flowstamp_event_lag_seconds 0.25\n",
             "flowstamp_program_runs_total{program=\"tc_egress\"} 4\n",
         }) {
        EXPECT_THAT(text, HasSubstr(line));
    }
}

TEST(MetricsFamilies, EachOfTheListIsThere) {
    const auto families = metrics::families_of(whole(), 0s);
    ASSERT_EQ(families.size(), metrics::every_metric().size());
    for (std::size_t i = 0; i < families.size(); i++) {
        const metrics::MetricEntry& entry = metrics::every_metric()[i];
        EXPECT_EQ(families[i].name, entry.name);
        EXPECT_EQ(families[i].name.ends_with("_total"), entry.type == metrics::MetricType::counter);
        EXPECT_EQ(entry.help.ends_with('.'), false) << entry.name;
    }
}

TEST(MetricsFamilies, WhatIsNotMeasuredIsAbsent) {
    const std::string text = text_of({});
    EXPECT_THAT(text, Not(HasSubstr("program_run")));
    EXPECT_THAT(text, Not(HasSubstr("flowstamp_stamps_total")));
}

TEST(MetricsFamilies, NoLabelsRepeatAndEachHasTheNamesOfTheList) {
    const auto families = metrics::families_of(whole(), 0s);
    std::size_t series = 0;
    for (std::size_t i = 0; i < families.size(); i++) {
        std::set<std::vector<prometheus::ClientMetric::Label>> seen;
        for (const prometheus::ClientMetric& one : families[i].metric) {
            EXPECT_TRUE(seen.insert(one.label).second) << families[i].name;
            std::string names;
            for (const auto& label : one.label) {
                names += (names.empty() ? "" : ",") + label.name;
            }
            EXPECT_EQ(names, metrics::every_metric()[i].labels) << families[i].name;
            ++series;
        }
    }
    EXPECT_LT(series, 200U) << "a series too many for what Prometheus keeps of each";
}

}  // namespace
}  // namespace flowstamp
