// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/held_events.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using output::Event;
using output::HeldEvents;

class Reported final : public output::Consumer {
  public:
    void consume(const Event& event) override { events.push_back(event); }
    std::vector<Event> events;
};

std::vector<Event> released(HeldEvents& held) {
    Reported reported;
    held.release(reported, 7s);
    return reported.events;
}

TEST(HeldEvents, AreReleasedInOrderOnce) {
    HeldEvents held;
    held.hold(analysis::Finding{.id = 1});
    held.hold(analysis::Finding{.id = 1, .again = true});
    const auto events = released(held);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_FALSE(std::get<analysis::Finding>(events[0]).again);
    EXPECT_TRUE(std::get<analysis::Finding>(events[1]).again);
    EXPECT_TRUE(released(held).empty());
}

TEST(HeldEvents, OfAnIncidentAndABoxOnlyTheLatest) {
    HeldEvents held;
    held.hold(analysis::Incident{.id = 1, .count = 2});
    held.hold(analysis::Middlebox{.id = 1, .flows = 2});
    held.hold(analysis::Incident{.id = 2, .count = 2});
    held.hold(analysis::Incident{.id = 1, .count = 4});
    held.hold(analysis::Middlebox{.id = 1, .flows = 3});
    const auto events = released(held);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(std::get<analysis::Incident>(events[0]).id, 2U);
    EXPECT_EQ(std::get<analysis::Incident>(events[1]).count, 4U);
    EXPECT_EQ(std::get<analysis::Middlebox>(events[2]).flows, 3U);
}

TEST(HeldEvents, BeyondTheBoundTheOldestAreLeftOutAndCounted) {
    HeldEvents held;
    for (std::uint64_t id = 1; id <= HeldEvents::kMost + 3; id++) {
        held.hold(analysis::Finding{.id = id});
    }
    const auto events = released(held);
    ASSERT_EQ(events.size(), HeldEvents::kMost + 1);
    const auto& left_out = std::get<output::LeftOut>(events[0]);
    EXPECT_EQ(left_out.above_bound, 3U);
    EXPECT_EQ(left_out.total, 3U);
    EXPECT_EQ(left_out.wall, 7s);
    EXPECT_EQ(std::get<analysis::Finding>(events[1]).id, 4U);
}

}  // namespace
}  // namespace flowstamp
