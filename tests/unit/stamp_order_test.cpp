// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace flowstamp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StampOrders : public ::testing::Test {
  protected:
    /// Adds a batch of stamps with these times, numbered by `seq` in order of arrival.
    void add(const std::vector<std::uint64_t>& times) {
        std::vector<fst_packet_stamp> stamps;
        for (const std::uint64_t time : times) {
            stamps.push_back({});
            stamps.back().time_ns = time;
            stamps.back().seq = next_++;
        }
        order_.add(stamps);
    }

    std::vector<std::uint64_t> times_;
    std::vector<std::uint32_t> numbers_;
    output::StampOrder order_{8, [this](const fst_packet_stamp& stamp) {
                                  times_.push_back(stamp.time_ns);
                                  numbers_.push_back(stamp.seq);
                              }};
    std::uint32_t next_ = 0;
};

TEST_F(StampOrders, BatchesOfSeveralCpusAreMerged) {
    add({10, 30, 50});
    add({20, 40, 60});
    order_.release_before(Nanoseconds(50));
    EXPECT_THAT(times_, ElementsAre(10, 20, 30, 40));
    add({45, 70});
    order_.release_all();
    EXPECT_THAT(times_, ElementsAre(10, 20, 30, 40, 45, 50, 60, 70));
}

TEST_F(StampOrders, EqualTimesKeepTheirOrder) {
    add({5, 5});
    add({5, 4});
    order_.release_all();
    EXPECT_THAT(numbers_, ElementsAre(3, 0, 1, 2));
}

TEST_F(StampOrders, ReleasingHalfMakesRoom) {
    add({3, 1, 4, 2});
    EXPECT_TRUE(order_.has_room_for(4));
    EXPECT_FALSE(order_.has_room_for(5));
    order_.release_half();
    EXPECT_THAT(times_, ElementsAre(1, 2));
    EXPECT_TRUE(order_.has_room_for(6));
}

/// Compares batches of several CPUs, some of them late, with a sorted list.
TEST(StampOrder, IsByTime) {
    std::mt19937 random(7);
    for (const unsigned cpus : {1U, 2U, 7U}) {
        std::vector<std::pair<std::uint64_t, std::uint32_t>> wanted, given;
        output::StampOrder order(4096, [&](const fst_packet_stamp& stamp) {
            given.emplace_back(stamp.time_ns, stamp.seq);
        });
        std::vector<std::uint64_t> clocks(cpus, 0);
        for (unsigned batch = 0; batch < 100; batch++) {
            std::uint64_t& clock = clocks[random() % cpus];
            std::vector<fst_packet_stamp> stamps(1 + random() % 32);
            for (fst_packet_stamp& stamp : stamps) {
                stamp.time_ns = clock += random() % 50;
                stamp.seq = static_cast<std::uint32_t>(wanted.size());
                wanted.emplace_back(stamp.time_ns, stamp.seq);
            }
            order.add(stamps);
        }
        order.release_half();
        order.release_all();
        std::ranges::sort(wanted);
        EXPECT_EQ(given, wanted) << cpus;
    }
}

TEST_F(StampOrders, AnEmptyQueueReleasesNothing) {
    order_.release_half();
    order_.release_before(Nanoseconds(1));
    order_.release_all();
    EXPECT_THAT(times_, IsEmpty());
}

}  // namespace
}  // namespace flowstamp
