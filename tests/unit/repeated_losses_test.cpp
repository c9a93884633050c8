// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/repeated_losses.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

using output::RepeatedLosses;

pathtrace::PathReport loss(std::uint64_t flow, const std::string& at) {
    return {.flow = flow,
            .end = pathtrace::PacketPath::End::dropped,
            .drop = pathtrace::PathReport::Drop{.at = at, .reason = "NETFILTER_DROP"}};
}

TEST(RepeatedLosses, OfEachCauseTheFirstFlowsAreShown) {
    RepeatedLosses losses;
    for (std::uint64_t flow = 1; flow < RepeatedLosses::kShown; flow++) {
        EXPECT_EQ(losses.show(loss(flow, "forward")), RepeatedLosses::Show::whole);
    }
    EXPECT_EQ(losses.show(loss(RepeatedLosses::kShown, "forward")),
              RepeatedLosses::Show::last_of_its_cause);
    EXPECT_EQ(losses.show(loss(100, "forward")), RepeatedLosses::Show::no);
    EXPECT_EQ(losses.show(loss(1, "forward")), RepeatedLosses::Show::whole)
        << "its count at the end";
    EXPECT_EQ(losses.show(loss(100, "input")), RepeatedLosses::Show::whole);
    EXPECT_EQ(losses.show({.flow = 100, .end = pathtrace::PacketPath::End::left}),
              RepeatedLosses::Show::whole);
}

}  // namespace
}  // namespace flowstamp
