// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/path_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flowstamp {
namespace {

constexpr std::uint8_t kIpv4 = 2;
constexpr std::uint8_t kIpv6 = 10;

/// A mangle chain at FORWARD, with IPv4 stations around it.
netfilter::Ruleset mangle() {
    const netfilter::Chain chain{
        .name = "FORWARD",
        .base = netfilter::BaseChain{.hook = netfilter::NetfilterHook::forward, .priority = -150},
        .rules = {}};
    return {.tables = {{.family = netfilter::TableFamily::ip,
                        .name = "mangle",
                        .tool = netfilter::RulesetTool::iptables_nft,
                        .chains = {chain}}},
            .unread = {}};
}

pathtrace::StationState station(pathtrace::Station::Kind kind, std::uint8_t pf, int priority,
                                const char* interface) {
    constexpr std::uint8_t kForward = 2;
    return {.station = {.kind = kind,
                        .pf = pf,
                        .hook = kForward,
                        .priority = priority,
                        .interface = interface},
            .attached = true};
}

/// r0 in; before and after mangle; IPv6's FORWARD.
pathtrace::StationMap stations() {
    return {{station(pathtrace::Station::Kind::tc_ingress, 0, 0, "r0"),
             station(pathtrace::Station::Kind::netfilter, kIpv4, -151, ""),
             station(pathtrace::Station::Kind::netfilter, kIpv4, -149, ""),
             station(pathtrace::Station::Kind::netfilter, kIpv6, 0, "")},
            mangle()};
}

fst_path_event passing(std::uint32_t station, std::uint16_t segments = 1) {
    fst_path_event event{};
    event.header.kind = FST_PATH_STATION;
    event.station = station;
    event.segments = segments;
    return event;
}

TEST(PathSample, HookCountsItsBusiestStationPerFamily) {
    pathtrace::StationCounts counts(4);
    counts.passed(passing(0, 5));
    counts.passed(passing(1, 3));
    counts.passed(passing(2, 4));
    counts.passed(passing(3, 0));
    counts.passed(passing(FST_PATH_NO_STATION));
    const pathtrace::PathSample sample = pathtrace::sample_of(counts, stations(), {});
    ASSERT_EQ(sample.parts.size(), 2U);
    EXPECT_EQ(sample.parts[0].name, "r0 in");
    EXPECT_EQ(sample.parts[0].packets, 5U);
    EXPECT_EQ(sample.parts[1].name, "forward");
    EXPECT_EQ(sample.parts[1].packets, 4U + 1U);
}

/// A later station has not seen the earlier packets, but the hook's number must not fall.
TEST(PathSample, NewStationBeginsWithTheNumberOfItsHook) {
    pathtrace::StationCounts counts(2);
    counts.passed(passing(0, 5));
    counts.passed(passing(1, 3));
    counts.grow(stations());
    counts.passed(passing(2, 4));
    EXPECT_EQ(counts.passed_at(0), 5U);
    EXPECT_EQ(counts.passed_at(2), 3U + 4U);
    EXPECT_EQ(counts.passed_at(3), 0U) << "another family";
}

TEST(PathSample, LossIsBetweenTwoStationsAndNamedOnceKnown) {
    pathtrace::StationCounts counts(4);
    const pathtrace::PathEnd end{.end = pathtrace::PacketPath::End::dropped, .station = 1};
    counts.blamed(end, "a rule without a known loss", "");
    counts.ended(end, passing(1, 2));
    counts.ended({.end = pathtrace::PacketPath::End::left, .station = 0}, passing(0));
    pathtrace::PathSample sample = pathtrace::sample_of(counts, stations(), {});
    ASSERT_EQ(sample.losses.size(), 1U);
    EXPECT_EQ(sample.losses[0].at, "forward");
    EXPECT_EQ(sample.losses[0].before, "mangle");
    EXPECT_EQ(sample.losses[0].packets, 2U);
    EXPECT_EQ(sample.losses[0].by, "");
    counts.blamed(end, "a rule", "");
    EXPECT_EQ(pathtrace::sample_of(counts, stations(), {}).losses[0].by, "a rule");
}

TEST(PathSample, OneOfSeveralCausesIsNotTheOnlyOne) {
    pathtrace::StationCounts counts(4);
    const pathtrace::PathEnd end{.end = pathtrace::PacketPath::End::dropped, .station = 1};
    counts.ended(end, passing(1, 2));
    counts.blamed(end, "a rule", "");
    counts.blamed(end, "a rule", "");
    counts.blamed(end, "b rule", "a rule");
    const auto by = [&] { return pathtrace::sample_of(counts, stations(), {}).losses[0].by; };
    EXPECT_EQ(by(), "a rule, and 1 more");
    counts.blamed(end, "b rule", "a rule");
    EXPECT_EQ(by(), "b rule");
}

TEST(PathSample, LossBeforeTheFirstStationHasNoPlace) {
    pathtrace::StationCounts counts(4);
    counts.ended({.end = pathtrace::PacketPath::End::dropped}, passing(0));
    const pathtrace::PathSample sample = pathtrace::sample_of(counts, stations(), {});
    ASSERT_EQ(sample.losses.size(), 1U);
    EXPECT_EQ(sample.losses[0].at, "");
}

TEST(PathSample, ShortAttribution) {
    pathtrace::PathReport::Drop drop{.words = {.words = "no socket listens there", .look_at = {}}};
    EXPECT_EQ(pathtrace::short_words(drop), "no socket listens there");
    drop.attribution = netfilter::DropAttribution{.table = "mangle",
                                                  .chain = "FORWARD",
                                                  .tool = netfilter::RulesetTool::iptables_nft,
                                                  .number = 3};
    EXPECT_EQ(pathtrace::short_words(drop), "iptables-nft mangle FORWARD rule 3");
    drop.attribution = netfilter::DropAttribution{.family = netfilter::TableFamily::inet,
                                                  .table = "site",
                                                  .chain = "pre",
                                                  .tool = netfilter::RulesetTool::nft,
                                                  .handle = 4};
    EXPECT_EQ(pathtrace::short_words(drop), "nft inet site pre handle 4");
    drop.attribution->is_policy = true;
    EXPECT_EQ(pathtrace::short_words(drop), "nft inet site pre policy");
}

}  // namespace
}  // namespace flowstamp
