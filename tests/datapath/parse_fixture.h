// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <array>

#include "tests/datapath/fixture.h"

namespace flowstamp::testing {

/// A test case of the parser: single frames.
class ParseTest : public DatapathTest {
  protected:
    /// Runs the frame and returns the parse result that was counted, exactly one.
    fst_counter result_of(const Bytes& frame) {
        std::array<std::uint64_t, kResults.size()> before{};
        std::ranges::transform(kResults, before.begin(),
                               [this](fst_counter c) { return watching().counter(c); });
        watching().advance_ms(1);
        latest_ = watching().run(hook(), {.bytes = frame});
        EXPECT_FALSE(latest_.dropped);
        EXPECT_EQ(latest_.bytes, frame);
        fst_counter found = FST_COUNT_MAX;
        int moved = 0;
        for (std::size_t i = 0; i < kResults.size(); i++) {
            const std::uint64_t by = watching().counter(kResults.at(i)) - before.at(i);
            moved += static_cast<int>(by);
            found = by != 0 ? kResults.at(i) : found;
        }
        EXPECT_EQ(moved, 1);
        return found;
    }
    fst_counter result_of(const Packet& packet) { return result_of(packet.bytes()); }

    /// The packet reported in an event of this kind.
    fst_packet reported_packet(const Packet& packet, fst_event_kind kind) {
        EXPECT_EQ(result_of(packet), FST_COUNT_TCP);
        const SeenEvent* event = latest_.find(kind);
        EXPECT_NE(event, nullptr);
        return event == nullptr ? fst_packet{} : event->event.packet;
    }

    Outcome latest_;

  private:
    static constexpr std::array kResults{
        FST_COUNT_TCP,      FST_COUNT_NOT_IP,     FST_COUNT_NOT_TCP,
        FST_COUNT_FRAGMENT, FST_COUNT_CUT,        FST_COUNT_MALFORMED,
        FST_COUNT_TOO_DEEP, FST_COUNT_ICMP_ERROR, FST_COUNT_SPLIT_HEADER};
};

}  // namespace flowstamp::testing
