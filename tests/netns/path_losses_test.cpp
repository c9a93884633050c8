// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Which rule is named, and with what certainty, if the ruleset changes between a loss and its reading: the
// order of all three is given here, the kernel only names its drop reasons.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/path_tuple.h"
#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/live/losses.h"

namespace flowstamp::pathtrace {
namespace {

using namespace std::chrono_literals;
using netfilter::Certainty;
using ::testing::HasSubstr;
using Kind = netfilter::RuleEffect::Kind;

class SetClock final : public Clock {
  public:
    [[nodiscard]] Nanoseconds monotonic() const override { return now; }
    [[nodiscard]] Nanoseconds realtime() const override { return now; }
    Nanoseconds now{1s};
};

netfilter::Rule dropping(std::uint64_t handle, std::optional<std::uint64_t> packets) {
    netfilter::Rule rule{.handle = handle,
                         .text = "rule " + std::to_string(handle),
                         .effects = {{.kind = Kind::drops}}};
    if (packets) {
        rule.counter = netfilter::RuleCounter{.packets = *packets, .exact = true};
    }
    return rule;
}

/// A table whose only chain is called in that hook.
netfilter::Table table(std::string name, netfilter::NetfilterHook hook, int priority,
                       std::vector<netfilter::Rule> rules) {
    return {.family = netfilter::TableFamily::inet,
            .name = std::move(name),
            .chains = {{.name = "c",
                        .base = netfilter::BaseChain{.hook = hook, .priority = priority},
                        .rules = std::move(rules)}}};
}

netfilter::Ruleset with(std::vector<netfilter::Table> tables) {
    netfilter::Ruleset ruleset;
    ruleset.tables = std::move(tables);
    return ruleset;
}

constexpr auto kForward = netfilter::NetfilterHook::forward;

class PathLosses : public ::testing::Test {
  protected:
    /// The stations stand for `before`.
    void begin(const netfilter::Ruleset& before) {
        planned_ = plan_stations(before, {"eth0"});
        std::vector<StationState> attached;
        attached.reserve(planned_.size());
        for (const Station& its : planned_) {
            attached.push_back({.station = its, .attached = true});
        }
        map_.emplace(attached, before);
        kernel_ = before;
        losses_.emplace(
            before, *map_,
            Losses::Sources{.read = [this] { return Result<netfilter::Ruleset>(kernel_); },
                            .ask = [](const auto&) { return netfilter::SetAnswers(); },
                            .changes =
                                [this](const netfilter::Ruleset& now) {
                                    return Losses::Changes{
                                        .announced = announced_,
                                        .other_places = plan_stations(now, {"eth0"}) != planned_};
                                }});
    }
    /// The last station in that hook of IPv4 before the priority.
    std::uint32_t station(netfilter::NetfilterHook hook, int before) const {
        std::uint32_t found = FST_PATH_NO_STATION;
        for (std::uint32_t i = 0; map_->knows(i); i++) {
            const Station& its = map_->at(i).station;
            if (its.kind == Station::Kind::netfilter && family_of(its.pf) == kIp &&
                hook_of(its.hook) == hook && its.priority < before) {
                found = i;
            }
        }
        return found;
    }
    /// The netfilter hooks dropped a packet that passed this station last.
    FlowEnd lose(std::uint32_t after_station, Nanoseconds at = 2s, std::uint64_t flow = 1) {
        PacketPath path{.end = PacketPath::End::dropped};
        fst_path_event& drop = path.drop.emplace();
        drop.tuple = testing::tuple("192.0.2.1", 40000, "192.0.2.2", 80);
        drop.time_ns = drop.began_ns = static_cast<std::uint64_t>(at.count());
        drop.station = after_station;
        drop.drop_reason = netfilter_drop();
        const FlowEnd whose{.flow = flow,
                            .end = {.end = PacketPath::End::dropped,
                                    .station = after_station,
                                    .drop_reason = netfilter_drop()}};
        clock_.now = at;
        awaits_rule_ = losses_->saw(whose, path, at);
        return whose;
    }
    void inspect() {
        clock_.now += 1s;
        const auto done = losses_->inspect(clock_);
        ASSERT_TRUE(done) << done.error().message();
    }
    static std::uint32_t netfilter_drop() {
        for (std::uint32_t reason = 0; reason < 1024; reason++) {
            if (drop_reason_name(reason) == "NETFILTER_DROP") {
                return reason;
            }
        }
        ADD_FAILURE() << "the kernel has no such reason";
        return 0;
    }
    void expect_named(const FlowEnd& whose, std::uint64_t handle, Certainty certainty,
                      const std::string& why) {
        const auto named = losses_->of(whose);
        ASSERT_TRUE(named);
        EXPECT_EQ(named->handle, handle);
        EXPECT_EQ(named->certainty, certainty);
        EXPECT_THAT(named->why, HasSubstr(why));
    }
    /// A rule of the table came, or went.
    void announce(const std::string& table) {
        announced_.tables[{netfilter::TableFamily::inet, table}];
    }
    void announce_chain(const std::string& table) {
        announced_.tables[{netfilter::TableFamily::inet, table}].has_new_place = true;
    }

    static constexpr auto kIp = netfilter::TableFamily::ip;
    static constexpr char kChanged[] = "the rules were changed while packets were being lost";
    SetClock clock_;
    std::vector<Station> planned_;
    std::optional<StationMap> map_;
    netfilter::Ruleset kernel_;
    netfilter::RulesetChange announced_;
    std::optional<Losses> losses_;
    bool awaits_rule_ = false;
};

TEST_F(PathLosses, NothingChangesAndTheOnlyRuleIsCertain) {
    begin(with({table("f", kForward, 0, {dropping(2, {})})}));
    const FlowEnd lost = lose(station(kForward, 0));
    inspect();
    expect_named(lost, 2, Certainty::certain, "it has no counter");
    EXPECT_FALSE(losses_->may_be_further_on(lost));
}

/// It dropped the packet, and neither reading shows it.
TEST_F(PathLosses, ARuleThatCameAndWentMayHaveBeenIt) {
    begin(with({table("f", kForward, 0, {dropping(2, {})})}));
    const FlowEnd lost = lose(station(kForward, 0));
    announce("f");
    inspect();
    expect_named(lost, 2, Certainty::probable, kChanged);
}

/// The counter of the one that stays moved by packets that are not followed.
TEST_F(PathLosses, NorDoesACounterProveItThen) {
    begin(with({table("f", kForward, 0, {dropping(2, 5)})}));
    const FlowEnd lost = lose(station(kForward, 0));
    announce("f");
    kernel_ = with({table("f", kForward, 0, {dropping(2, 6)})});
    inspect();
    expect_named(lost, 2, Certainty::probable, kChanged);
}

TEST_F(PathLosses, AnotherRuleInItsPlaceIsNotCertain) {
    begin(with({table("f", kForward, 0, {dropping(2, 5)})}));
    const FlowEnd lost = lose(station(kForward, 0));
    announce("f");
    kernel_ = with({table("f", kForward, 0, {dropping(3, 1)})});
    inspect();
    expect_named(lost, 3, Certainty::probable, "it was added while packets were being lost");
}

/// Rules that the kernel does not call there cannot have dropped it.
TEST_F(PathLosses, AChangeElsewhereSpeaksNotAgainstIt) {
    const auto other = table("other", netfilter::NetfilterHook::input, 0, {dropping(7, 0)});
    begin(with({table("f", kForward, 0, {dropping(2, 5)}), other}));
    const FlowEnd lost = lose(station(kForward, 0));
    announce("other");
    kernel_ = with({table("f", kForward, 0, {dropping(2, 6)}), other});
    inspect();
    expect_named(lost, 2, Certainty::certain, "its counter moved by 1");
}

TEST_F(PathLosses, AnnouncementsThatWereLostMayHaveConcernedIt) {
    begin(with({table("f", kForward, 0, {dropping(2, {})})}));
    const FlowEnd lost = lose(station(kForward, 0));
    announced_.is_unknown = true;
    inspect();
    expect_named(lost, 2, Certainty::probable, kChanged);
}

/// What is lost after the change is compared with the ruleset as it is then. Of a flow that lost packets before it,
/// too, that says nothing of those.
TEST_F(PathLosses, AfterTheChangeItIsCertainForOtherFlows) {
    begin(with({table("f", kForward, 0, {dropping(2, {})})}));
    lose(station(kForward, 0));
    announce("f");
    inspect();
    losses_->begin_anew(kernel_);
    announced_ = {};
    const FlowEnd lost_before = lose(station(kForward, 0), 9s);
    const FlowEnd lost = lose(station(kForward, 0), 9s, 2);
    inspect();
    expect_named(lost, 2, Certainty::certain, "it has no counter");
    expect_named(lost_before, 2, Certainty::certain, "it dropped the latest of them");
}

/// No station stands in front of the new chain yet, so the last station is one of the hook before.
TEST_F(PathLosses, ANewChainFurtherOnIsFound) {
    begin({});
    const FlowEnd lost = lose(station(netfilter::NetfilterHook::prerouting, INT32_MAX));
    announce_chain("late");
    kernel_ = with({table("late", kForward, -150, {dropping(2, 1)})});
    inspect();
    expect_named(lost, 2, Certainty::probable, "it was added while packets were being lost");
    EXPECT_EQ(losses_->of(lost)->hook, kForward);
    EXPECT_TRUE(losses_->may_be_further_on(lost));
}

/// The legacy tables announce nothing.
TEST_F(PathLosses, ANewChainThatIsNotAnnouncedIsFound) {
    begin({});
    const FlowEnd lost = lose(station(netfilter::NetfilterHook::prerouting, INT32_MAX));
    kernel_ = with({table("late", kForward, -150, {dropping(2, 1)})});
    inspect();
    expect_named(lost, 2, Certainty::probable, "it was added while packets were being lost");
    EXPECT_TRUE(losses_->may_be_further_on(lost));
}

TEST_F(PathLosses, AChainThatIsGoneAgainIsSaidToBePossible) {
    begin({});
    const FlowEnd lost = lose(station(netfilter::NetfilterHook::prerouting, INT32_MAX));
    announce_chain("late");
    inspect();
    EXPECT_FALSE(losses_->of(lost));
    EXPECT_TRUE(losses_->may_be_further_on(lost));
}

/// It is behind the first station of its hook, which the packet did not pass.
TEST_F(PathLosses, AChainBehindTheNextStationIsNoCause) {
    begin(with({table("f", kForward, 0, {})}));
    const FlowEnd lost = lose(station(netfilter::NetfilterHook::prerouting, INT32_MAX));
    announce_chain("late");
    kernel_ = with({table("f", kForward, 0, {}), table("late", kForward, 7, {dropping(2, 1)})});
    inspect();
    EXPECT_FALSE(losses_->of(lost));
}

TEST_F(PathLosses, WhatWasUnderWayWhileStationsMovedMayBeAnywhereBehind) {
    begin(with({table("f", kForward, 0, {dropping(2, 5)})}));
    losses_->stations_moved(3s);
    const FlowEnd lost = lose(station(netfilter::NetfilterHook::prerouting, INT32_MAX), 2s);
    kernel_ = with({table("f", kForward, 0, {dropping(2, 6)})});
    inspect();
    expect_named(lost, 2, Certainty::probable, kChanged);
    EXPECT_TRUE(losses_->may_be_further_on(lost));
    losses_->begin_anew(kernel_);
    const FlowEnd late = lose(station(kForward, 0), 2s);
    EXPECT_FALSE(awaits_rule_) << "its rule's counter has been read already";
    EXPECT_TRUE(losses_->may_be_further_on(late));
}

}  // namespace
}  // namespace flowstamp::pathtrace
