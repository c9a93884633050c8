// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/watched_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "user/kernel/attach/interface_pattern.h"

namespace flowstamp {
namespace {

using kernel::LinkMessage;
using kernel::LinkNews;
using kernel::WatchedLinks;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = net::InterfaceChange::Kind;

constexpr std::uint32_t kMtu = 1500;

LinkMessage link(std::uint32_t index, std::string name, bool is_up = true) {
    return {.index = index, .name = std::move(name), .mtu = kMtu, .is_up = is_up};
}

LinkMessage deleted(std::uint32_t index, std::string name) {
    LinkMessage message = link(index, std::move(name));
    message.is_deleted = true;
    return message;
}

/// eth1 (index 7) and eth2 (index 8) are watched.
class WatchedLinksTest : public ::testing::Test {
  protected:
    WatchedLinksTest() {
        links.add(link(7, "eth1"));
        links.add(link(8, "eth2"));
    }
    /// "0 gone eth1", by the number in which they were added.
    std::vector<std::string> after(std::vector<LinkMessage> messages, bool is_everything = false) {
        std::vector<std::string> texts;
        for (const WatchedLinks::Change& change :
             links.update({.links = std::move(messages), .is_everything = is_everything})) {
            texts.push_back(std::to_string(change.which) + " " +
                            std::string(net::name_of(change.what.kind)) + " " + change.what.name);
        }
        return texts;
    }

    WatchedLinks links;
};

TEST_F(WatchedLinksTest, NothingNew) {
    EXPECT_THAT(after({link(7, "eth1"), link(9, "eth9"), deleted(9, "eth9")}), IsEmpty());
    EXPECT_THAT(after({link(8, "eth2"), link(7, "eth1"), link(9, "eth9")}, true), IsEmpty());
    EXPECT_THAT(after({{.index = 7, .is_up = true}}), IsEmpty()) << "name and MTU are not said";
}

TEST_F(WatchedLinksTest, DeletedAndMadeAnew) {
    EXPECT_THAT(after({deleted(8, "eth2")}), ElementsAre("1 gone eth2"));
    EXPECT_FALSE(links.is_there(1));
    EXPECT_THAT(after({link(8, "eth8")}), IsEmpty()) << "an index alone is no identity";
    EXPECT_THAT(after({link(12, "eth2", false)}), ElementsAre("1 back eth2"));
    EXPECT_EQ(links.state(1).index, 12U);
    EXPECT_THAT(after({link(12, "eth2")}), ElementsAre("1 up eth2"));
}

TEST_F(WatchedLinksTest, DeletedAndMadeAnewAtOnce) {
    EXPECT_THAT(after({deleted(7, "eth1"), link(12, "eth1")}),
                ElementsAre("0 gone eth1", "0 back eth1"));
}

/// The kernel sets it down first.
TEST_F(WatchedLinksTest, DeletedIsNotAlsoDown) {
    EXPECT_THAT(after({link(7, "eth1", false), link(8, "eth2", false), deleted(7, "eth1")}),
                ElementsAre("1 down eth2", "0 gone eth1"));
}

TEST_F(WatchedLinksTest, DownAndUp) {
    EXPECT_THAT(after({link(7, "eth1", false), link(7, "eth1", false)}),
                ElementsAre("0 down eth1"));
    EXPECT_THAT(after({link(7, "eth1")}), ElementsAre("0 up eth1"));
}

TEST_F(WatchedLinksTest, Moved) {
    LinkMessage moved = deleted(7, "eth1");
    moved.is_elsewhere = true;
    EXPECT_THAT(after({moved}), ElementsAre("0 moved eth1"));
    EXPECT_THAT(after({link(7, "eth1")}), ElementsAre("0 back eth1"));
}

TEST_F(WatchedLinksTest, RenamedThenExpectedByEitherName) {
    const auto changes = links.update({.links = {link(7, "lan1")}});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].what,
              (net::InterfaceChange{
                  .kind = Kind::renamed, .name = "lan1", .name_was = "eth1", .index = 7}));
    EXPECT_THAT(after({link(20, "eth1")}), IsEmpty()) << "the one that is watched is still there";
    EXPECT_THAT(after({deleted(7, "lan1"), link(21, "lan1")}),
                ElementsAre("0 gone lan1", "0 back lan1"));
    EXPECT_THAT(after({deleted(21, "lan1"), link(22, "eth1")}),
                ElementsAre("0 gone lan1", "0 back eth1"));
}

/// As udev does: it appears by another name first.
TEST_F(WatchedLinksTest, BackByARename) {
    EXPECT_THAT(after({deleted(7, "eth1"), link(12, "eth0"), link(12, "eth1")}),
                ElementsAre("0 gone eth1", "0 back eth1"));
}

TEST_F(WatchedLinksTest, Mtu) {
    LinkMessage jumbo = link(7, "eth1");
    jumbo.mtu = 9000;
    const auto changes = links.update({.links = {jumbo}});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].what,
              (net::InterfaceChange{
                  .kind = Kind::mtu, .name = "eth1", .index = 7, .mtu = 9000, .mtu_was = kMtu}));
}

TEST_F(WatchedLinksTest, APatternTakesThoseThatComeAndAreUp) {
    links.add_pattern("veth*");
    EXPECT_THAT(after({link(9, "eth9"), link(10, "veth0", false)}), IsEmpty());
    EXPECT_THAT(after({link(10, "veth0")}), ElementsAre("2 appeared veth0"));
    EXPECT_EQ(links.state(2).index, 10U);
    EXPECT_THAT(after({link(10, "veth0", false)}), ElementsAre("2 down veth0"));
    EXPECT_THAT(after({link(11, "veth1")}), ElementsAre("3 appeared veth1"));
    EXPECT_EQ(links.count(), 4U);
}

/// Containers come and go for months.
TEST_F(WatchedLinksTest, WhatAPatternBroughtLeavesNothingBehind) {
    links.add_pattern("any");
    EXPECT_THAT(after({link(10, "veth0")}), ElementsAre("2 appeared veth0"));
    EXPECT_THAT(after({deleted(10, "veth0"), deleted(7, "eth1"), link(11, "veth1")}),
                ElementsAre("2 gone veth0", "0 gone eth1", "2 appeared veth1"));
    EXPECT_EQ(links.count(), 3U);
    EXPECT_THAT(after({deleted(11, "veth1"), link(12, "veth1", false)}),
                ElementsAre("2 gone veth1", "2 back veth1"));
}

TEST(InterfacePattern, StandsForWhatItMatches) {
    for (const char* pattern : {"any", "eth*", "eth?", "[ew]th0"}) {
        EXPECT_TRUE(kernel::is_pattern(pattern)) << pattern;
        EXPECT_TRUE(kernel::matches(pattern, "eth0")) << pattern;
    }
    EXPECT_FALSE(kernel::is_pattern("eth0"));
    EXPECT_FALSE(kernel::is_pattern("anything"));
    EXPECT_FALSE(kernel::matches("eth*", "veth0"));
}

/// Messages were lost: the list of all interfaces says the same.
TEST_F(WatchedLinksTest, AListOfEverything) {
    EXPECT_THAT(after({link(8, "eth2", false), link(12, "eth1")}, true),
                ElementsAre("0 gone eth1", "1 down eth2", "0 back eth1"));
    EXPECT_THAT(after({}, true), ElementsAre("0 gone eth1", "1 gone eth2"));
}

}  // namespace
}  // namespace flowstamp
