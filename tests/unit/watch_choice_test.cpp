// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/watch_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flowstamp {
namespace {

using cmd::FlowsOptions;
using ::testing::ElementsAre;

constexpr std::uint64_t kHere = 7;
constexpr std::uint64_t kElsewhere = 8;

kernel::RunningWatch watch(std::int32_t pid, std::vector<std::string> names,
                           std::uint64_t netns = kHere) {
    kernel::RunningWatch its{.name = {.pid = pid}, .netns = netns};
    for (std::string& name : names) {
        its.record.interfaces.push_back({.index = 1, .name = std::move(name)});
    }
    return its;
}

std::vector<kernel::RunningWatch> three() {
    return {watch(12, {"eth0", "eth1"}), watch(34, {"eth1"}), watch(56, {"eth0"}, kElsewhere)};
}

/// Their process ids.
std::vector<std::int32_t> chosen(const FlowsOptions& options) {
    const auto found = cmd::chosen_watches(three(), options, kHere);
    EXPECT_TRUE(found) << found.error().message();
    std::vector<std::int32_t> pids;
    for (const kernel::RunningWatch& its : *found) {
        pids.push_back(its.name.pid);
    }
    return pids;
}

std::string refusal(std::vector<kernel::RunningWatch> running, const FlowsOptions& options) {
    const auto found = cmd::chosen_watches(std::move(running), options, kHere);
    return found ? "" : found.error().message();
}

TEST(WatchChoice, IsOfTheOwnNetworkNamespaceUnlessOthersAreAskedFor) {
    EXPECT_THAT(chosen({}), ElementsAre(12, 34));
    EXPECT_THAT(chosen({.all_netns = true}), ElementsAre(12, 34, 56));
}

TEST(WatchChoice, ByInterfaceOrProcess) {
    EXPECT_THAT(chosen({.interface = "eth0"}), ElementsAre(12));
    EXPECT_THAT(chosen({.interface = "eth0", .all_netns = true}), ElementsAre(12, 56));
    EXPECT_THAT(chosen({.interface = "eth1"}), ElementsAre(12, 34));
    EXPECT_THAT(chosen({.interface = "eth1", .pid = 34}), ElementsAre(34));
    EXPECT_THAT(chosen({.pid = 56}), ElementsAre(56)) << "wherever it is";
}

TEST(WatchChoice, SaysWhatThereIs) {
    EXPECT_EQ(refusal({}, {}),
              "list the flows: no watch is running; start one with flowstamp watch -i IFACE");
    EXPECT_EQ(refusal({watch(56, {"eth0"}, kElsewhere)}, {}),
              "list the flows: no watch is running in this network namespace; --all-netns shows "
              "those in others: process 56 (eth0)");
    EXPECT_EQ(refusal(three(), {.interface = "eth7"}),
              "eth7: list the flows: not watched; start flowstamp watch -i eth7; there is process "
              "12 (eth0, eth1), process 34 (eth1)");
    EXPECT_EQ(refusal(three(), {.pid = 1}),
              "process 1: list the flows: it is no running watch; there is process 12 (eth0, "
              "eth1), process 34 (eth1), process 56 (eth0)");
}

}  // namespace
}  // namespace flowstamp
