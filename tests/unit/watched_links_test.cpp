// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/watched_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

/// Messages were lost: the list of all interfaces says the same.
TEST_F(WatchedLinksTest, AListOfEverything) {
    EXPECT_THAT(after({link(8, "eth2", false), link(12, "eth1")}, true),
                ElementsAre("0 gone eth1", "1 down eth2", "0 back eth1"));
    EXPECT_THAT(after({}, true), ElementsAre("0 gone eth1", "1 gone eth2"));
}

}  // namespace
}  // namespace flowstamp
