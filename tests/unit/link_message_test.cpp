// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/link_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <string_view>

namespace flowstamp {
namespace {

using kernel::LinkMessage;
using kernel::parse_links;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

/// A datagram of rtnetlink messages, composed by hand.
class Datagram {
  public:
    Datagram& message(std::uint16_t type, const ifinfomsg& info) {
        end_message();
        start_ = bytes_.size();
        add(nlmsghdr{
            .nlmsg_len = 0, .nlmsg_type = type, .nlmsg_flags = 0, .nlmsg_seq = 0, .nlmsg_pid = 0});
        add(info);
        return *this;
    }
    Datagram& link(std::uint16_t type, int index, unsigned flags) {
        ifinfomsg info{};
        info.ifi_index = index;
        info.ifi_flags = flags;
        return message(type, info);
    }
    template <class Value>
    Datagram& attribute(std::uint16_t type, const Value& value) {
        add(nlattr{.nla_len = sizeof(nlattr) + sizeof(value), .nla_type = type});
        add(value);
        return pad();
    }
    Datagram& name(std::string_view text) {
        add(nlattr{.nla_len = static_cast<__u16>(sizeof(nlattr) + text.size() + 1),
                   .nla_type = IFLA_IFNAME});
        for (const char character : text) {
            add(character);
        }
        add('\0');
        return pad();
    }
    std::vector<std::byte> bytes() {
        end_message();
        return bytes_;
    }

  private:
    template <class Value>
    void add(const Value& value) {
        const auto* from = reinterpret_cast<const std::byte*>(&value);
        bytes_.insert(bytes_.end(), from, from + sizeof(value));
    }
    Datagram& pad() {
        bytes_.resize(NLA_ALIGN(bytes_.size()));
        return *this;
    }
    void end_message() {
        if (!bytes_.empty()) {
            const auto length = static_cast<__u32>(bytes_.size() - start_);
            std::memcpy(bytes_.data() + start_, &length, sizeof(length));
        }
    }

    std::vector<std::byte> bytes_;
    std::size_t start_ = 0;
};

TEST(LinkMessage, TellsNameStateAndMtu) {
    const auto bytes = Datagram()
                           .link(RTM_NEWLINK, 7, IFF_UP | IFF_RUNNING)
                           .attribute(IFLA_TXQLEN, 1000U)
                           .name("eth1")
                           .attribute(IFLA_MTU, 1500U)
                           .bytes();
    EXPECT_THAT(
        parse_links(bytes),
        Optional(ElementsAre(LinkMessage{.index = 7, .name = "eth1", .mtu = 1500, .is_up = true})));
}

TEST(LinkMessage, SeveralInOneDatagram) {
    const auto bytes = Datagram()
                           .link(RTM_NEWLINK, 7, 0)
                           .name("eth1")
                           .link(RTM_NEWLINK, 9, IFF_UP)
                           .name("a-name-of-15-ch")
                           .bytes();
    EXPECT_THAT(
        parse_links(bytes),
        Optional(ElementsAre(LinkMessage{.index = 7, .name = "eth1"},
                             LinkMessage{.index = 9, .name = "a-name-of-15-ch", .is_up = true})));
}

TEST(LinkMessage, DistinguishesDeletedAndMoved) {
    const auto bytes = Datagram()
                           .link(RTM_DELLINK, 7, 0)
                           .name("eth1")
                           .link(RTM_DELLINK, 8, 0)
                           .name("eth2")
                           .attribute(IFLA_NEW_NETNSID, -1)
                           .bytes();
    EXPECT_THAT(
        parse_links(bytes),
        Optional(ElementsAre(
            LinkMessage{.index = 7, .name = "eth1", .is_deleted = true},
            LinkMessage{.index = 8, .name = "eth2", .is_deleted = true, .is_elsewhere = true})));
}

/// A bridge says so of a port that leaves it, although the interface stays.
TEST(LinkMessage, IgnoresBridgePorts) {
    ifinfomsg port{};
    port.ifi_family = AF_BRIDGE;
    port.ifi_index = 7;
    const auto bytes = Datagram().message(RTM_DELLINK, port).name("eth1").bytes();
    EXPECT_THAT(parse_links(bytes), Optional(IsEmpty()));
}

TEST(LinkMessage, IgnoresOtherMessages) {
    const auto bytes = Datagram().link(NLMSG_DONE, 0, 0).bytes();
    EXPECT_THAT(parse_links(bytes), Optional(IsEmpty()));
    EXPECT_THAT(parse_links({}), Optional(IsEmpty()));
}

TEST(LinkMessage, AnAttributeOfTheWrongSizeSaysNothing) {
    const auto bytes =
        Datagram().link(RTM_NEWLINK, 7, 0).attribute(IFLA_MTU, std::uint8_t{1}).bytes();
    EXPECT_THAT(parse_links(bytes), Optional(ElementsAre(LinkMessage{.index = 7})));
}

/// Whatever is missing at the end: it is never read as a message that says less.
TEST(LinkMessage, RefusesEveryTruncation) {
    const auto bytes =
        Datagram().link(RTM_NEWLINK, 7, IFF_UP).name("eth1").attribute(IFLA_MTU, 1500U).bytes();
    for (std::size_t length = 1; length < bytes.size(); length++) {
        EXPECT_EQ(parse_links(kernel::Bytes(bytes).first(length)), std::nullopt) << length;
    }
}

TEST(LinkMessage, RefusesLengthsThatLie) {
    const auto good = Datagram().link(RTM_NEWLINK, 7, IFF_UP).name("eth1").bytes();
    for (std::uint16_t length : {0, 3, 200}) {
        auto bytes = good;
        std::memcpy(bytes.data() + sizeof(nlmsghdr) + sizeof(ifinfomsg), &length, sizeof(length));
        EXPECT_EQ(parse_links(bytes), std::nullopt) << "attribute of " << length;
    }
    for (std::uint32_t length : {0U, 15U, 20U, 4096U, 0xffffffffU}) {
        auto bytes = good;
        std::memcpy(bytes.data(), &length, sizeof(length));
        EXPECT_EQ(parse_links(bytes), std::nullopt) << "message of " << length;
    }
}

TEST(LinkMessage, ANameWithoutItsZeroByteEndsWithItsAttribute) {
    auto bytes = Datagram().link(RTM_NEWLINK, 7, 0).name("eth1234").bytes();
    bytes.back() = std::byte{'5'};
    EXPECT_THAT(parse_links(bytes),
                Optional(ElementsAre(LinkMessage{.index = 7, .name = "eth12345"})));
}

}  // namespace
}  // namespace flowstamp
