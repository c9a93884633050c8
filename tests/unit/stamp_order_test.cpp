// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <utility>
#include <vector>

namespace flowstamp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Times = std::vector<std::uint64_t>;

class StampOrders : public ::testing::Test {
  protected:
    /// Adds a batch of stamps with these times, numbered by `seq` in order of arrival.
    void add(const Times& times) {
        std::vector<fst_packet_stamp>& stamps = batches_.emplace_back();
        for (const std::uint64_t time : times) {
            stamps.push_back({});
            stamps.back().time_ns = time;
            stamps.back().seq = next_++;
        }
        order_.add(stamps);
    }

    /// The runs of those older than `time`.
    std::vector<Times> runs_before(Nanoseconds time) {
        std::vector<Times> runs;
        for (auto run = order_.next(time); !run.empty(); run = order_.next(time)) {
            runs.emplace_back();
            for (const fst_packet_stamp& stamp : run) {
                runs.back().push_back(stamp.time_ns);
                numbers_.push_back(stamp.seq);
            }
        }
        return runs;
    }
    std::vector<Times> runs() { return runs_before(Nanoseconds::max()); }

    output::StampOrder order_;
    std::vector<std::uint32_t> numbers_;  ///< passed on

  private:
    std::deque<std::vector<fst_packet_stamp>> batches_;
    std::uint32_t next_ = 0;
};

TEST_F(StampOrders, ABatchAlonePassesWhole) {
    add({10, 20, 20, 30});
    EXPECT_THAT(runs(), ElementsAre(Times{10, 20, 20, 30}));
}

TEST_F(StampOrders, BatchesOfSeveralCpusAreMerged) {
    add({10, 30, 50});
    add({20, 40, 45});
    EXPECT_THAT(runs(), ElementsAre(Times{10}, Times{20}, Times{30}, Times{40, 45}, Times{50}));
}

TEST_F(StampOrders, OnlyOlderStampsPass) {
    add({10, 30, 50});
    add({20, 50, 60});
    EXPECT_THAT(runs_before(Nanoseconds(50)), ElementsAre(Times{10}, Times{20}, Times{30}));
    add({45, 70});
    EXPECT_THAT(runs(), ElementsAre(Times{45}, Times{50}, Times{50, 60}, Times{70}));
}

TEST_F(StampOrders, EqualTimesKeepTheirOrder) {
    add({5, 5});
    add({4, 5});
    runs();
    EXPECT_THAT(numbers_, ElementsAre(2, 0, 1, 3));
}

/// A stamp that was written to the ring by itself comes before the batch that it interrupted.
TEST_F(StampOrders, AStampAloneMayPrecedeOlderOnes) {
    add({30});
    add({10, 20, 40});
    EXPECT_THAT(runs(), ElementsAre(Times{10, 20}, Times{30}, Times{40}));
}

TEST_F(StampOrders, ABatchIsDoneWhenAllBeforeItAre) {
    EXPECT_EQ(order_.done(), 0U);
    add({30, 40});
    add({10, 20});
    add({});
    runs_before(Nanoseconds(30));
    EXPECT_EQ(order_.done(), 0U) << "the first to arrive is still in use";
    runs_before(Nanoseconds(40));
    EXPECT_EQ(order_.done(), 0U);
    runs();
    EXPECT_EQ(order_.done(), 3U);
    EXPECT_EQ(order_.done(), 0U) << "once";
    add({50});
    EXPECT_THAT(runs(), ElementsAre(Times{50}));
    EXPECT_EQ(order_.done(), 1U);
}

TEST_F(StampOrders, WithoutBatchesThereIsNothing) {
    EXPECT_THAT(runs(), IsEmpty());
    add({});
    EXPECT_THAT(runs(), IsEmpty());
    EXPECT_EQ(order_.done(), 1U);
}

/// Compares batches of several CPUs, some of them late, with a sorted list.
TEST(StampOrder, IsByTime) {
    std::mt19937 random(7);
    for (const unsigned cpus : {1U, 2U, 7U}) {
        std::vector<std::pair<std::uint64_t, std::uint32_t>> wanted, given;
        std::vector<std::vector<fst_packet_stamp>> batches;
        output::StampOrder order;
        std::vector<std::uint64_t> clocks(cpus, 0);
        std::size_t done = 0;
        const auto pass_on = [&](std::uint64_t before) {
            const Nanoseconds time(before);
            for (auto run = order.next(time); !run.empty(); run = order.next(time)) {
                for (const fst_packet_stamp& stamp : run) {
                    given.emplace_back(stamp.time_ns, stamp.seq);
                }
                done += order.done();
            }
        };
        for (unsigned batch = 0; batch < 1000; batch++) {
            std::uint64_t& clock = clocks[random() % cpus];
            std::vector<fst_packet_stamp>& stamps = batches.emplace_back(1 + random() % 32);
            for (fst_packet_stamp& stamp : stamps) {
                stamp.time_ns = clock += random() % 50;
                stamp.seq = static_cast<std::uint32_t>(wanted.size());
                wanted.emplace_back(stamp.time_ns, stamp.seq);
            }
            order.add(stamps);
            if (batch % 10 == 0) {  // what comes later is not older
                pass_on(std::ranges::min(clocks));
            }
        }
        pass_on(1'000'000'000);
        std::ranges::sort(wanted);
        EXPECT_EQ(given, wanted) << cpus;
        EXPECT_EQ(done, batches.size());
    }
}

}  // namespace
}  // namespace flowstamp
