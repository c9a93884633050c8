// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What is attached follows the interfaces, and is attached again where others have detached it.
#include <cerrno>
#include <nlohmann/json.hpp>

#include "tests/netns/attach_fixture.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using Kind = net::InterfaceChange::Kind;

class AttachFollow : public AttachTest {
  protected:
    /// What has changed since the last call, with a second between them.
    std::vector<net::InterfaceChange> changes(kernel::AttachedProbe& probe) {
        now_ += 2s;
        auto news = inside([&] { return probe.follow_interfaces(now_); });
        if (!news) {
            throw std::runtime_error(news.error().message());
        }
        return std::move(news->changes);
    }

    static void make_link() {
        ip({"link", "add", "kta", "netns", a(), "type", "veth", "peer", "name", "ktb", "netns",
            b()});
        ip({"-n", a(), "address", "add", "192.0.2.1/24", "dev", "kta"});
        ip({"-n", b(), "address", "add", "192.0.2.2/24", "dev", "ktb"});
        ip({"-n", a(), "link", "set", "kta", "up"});
        ip({"-n", b(), "link", "set", "ktb", "up"});
    }

    /// As another process could. Returns how many links there were.
    static int detach_links_of(const std::string& interface) {
        const auto index = inside([&] { return kernel::find_interface(interface)->index; });
        const auto all = nlohmann::json::parse(output({"bpftool", "-j", "link", "show"}));
        int detached = 0;
        for (const auto& link : all) {
            if (link.value("ifindex", 0U) == index || link.value("devname", "") == interface) {
                EXPECT_EQ(output({"bpftool", "link", "detach", "id",
                                  std::to_string(link.at("id").get<int>())}),
                          "");
                detached++;
            }
        }
        return detached;
    }

    Nanoseconds now_{0};
};

TEST_F(AttachFollow, NothingNew) {
    kernel::AttachedProbe probe = require_attached({"kta", "lo"});
    EXPECT_TRUE(changes(probe).empty());
    EXPECT_TRUE(changes(probe).empty());
    probe.detach();
    EXPECT_TRUE(changes(probe).empty());
    EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
}

TEST_F(AttachFollow, ALinkMadeAnewIsSeen) {
    for (const kernel::TcMethod tc : {kernel::TcMethod::automatic, kernel::TcMethod::clsact}) {
        kernel::AttachedProbe probe =
            require_attached({"kta", "lo"}, {.hook = kernel::IngressChoice::tc, .tc = tc});
        ip({"-n", a(), "link", "delete", "kta"});
        auto gone = changes(probe);
        ASSERT_EQ(gone.size(), 1U);
        EXPECT_EQ(gone[0].kind, Kind::gone);
        EXPECT_FALSE(gone[0].is_watched);
        ASSERT_EQ(probe.attachments().size(), 1U);
        EXPECT_EQ(probe.attachments()[0].interface.name, "lo");

        make_link();
        auto back = changes(probe);
        ASSERT_GE(back.size(), 1U);
        EXPECT_EQ(back[0].kind, Kind::back);
        EXPECT_TRUE(back[0].is_watched) << back[0].reason;
        EXPECT_EQ(back[0].ingress, kernel::hook_name(*probe.attachments()[0].ingress));
        const std::uint64_t before = counter(probe, FST_COUNT_TCP);
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
        EXPECT_EQ(counter(probe, FST_COUNT_TCP), before + 2);
    }
}

TEST_F(AttachFollow, ProgramsThatOthersDetachedAreAttachedAgain) {
    kernel::AttachedProbe probe = require_attached({"kta"}, {.hook = kernel::IngressChoice::xdp});
    EXPECT_TRUE(changes(probe).empty());
    ASSERT_GE(detach_links_of("kta"), 1);
    ASSERT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
    const auto detached = changes(probe);
    ASSERT_EQ(detached.size(), 1U);
    EXPECT_EQ(detached[0].kind, Kind::detached);
    EXPECT_TRUE(detached[0].is_watched);
    EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::native);
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
}

TEST_F(AttachFollow, AQdiscThatOthersDeletedIsMadeAgain) {
    kernel::AttachedProbe probe = require_attached(
        {"kta"}, {.hook = kernel::IngressChoice::tc, .tc = kernel::TcMethod::clsact});
    EXPECT_TRUE(changes(probe).empty());
    ASSERT_EQ(output({"tc", "qdisc", "delete", "dev", "kta", "clsact"}), "");
    const auto detached = changes(probe);
    ASSERT_EQ(detached.size(), 1U);
    EXPECT_EQ(detached[0].kind, Kind::detached);
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
}

/// The hook that was asked for is taken: said once, tried again until it is free.
TEST_F(AttachFollow, WhatCannotBeAttachedIsTriedAgain) {
    ip({"-n", a(), "link", "add", "kt-other", "type", "veth", "peer", "name", "kt-peer"});
    kernel::AttachedProbe probe =
        require_attached({"kta", "kt-other"}, {.hook = kernel::IngressChoice::xdp});
    ip({"-n", a(), "link", "delete", "kta"});
    make_link();
    kernel::AttachedProbe second = require_attached({"kta"}, {.hook = kernel::IngressChoice::xdp});
    const auto back = changes(probe);
    ASSERT_GE(back.size(), 2U);
    EXPECT_EQ(back[0].kind, Kind::gone);
    EXPECT_EQ(back[1].kind, Kind::back);
    EXPECT_FALSE(back[1].is_watched);
    EXPECT_NE(back[1].reason.find("another XDP program"), std::string::npos) << back[1].reason;
    EXPECT_TRUE(changes(probe).empty());
    second.detach();
    const auto attached = changes(probe);
    ASSERT_EQ(attached.size(), 1U);
    EXPECT_EQ(attached[0].kind, Kind::attached);
    EXPECT_TRUE(attached[0].is_watched);
    EXPECT_EQ(attached[0].ingress, "xdp");
}

TEST_F(AttachFollow, APortThatLeavesItsBridgeIsNotGone) {
    ip({"-n", a(), "link", "add", "kt-br", "type", "bridge"});
    ip({"-n", a(), "link", "set", "kta", "master", "kt-br"});
    kernel::AttachedProbe probe = require_attached({"kta"});
    ip({"-n", a(), "link", "set", "kta", "nomaster"});
    EXPECT_TRUE(changes(probe).empty());
    EXPECT_EQ(probe.attachments().size(), 1U);
}

}  // namespace
}  // namespace flowstamp
