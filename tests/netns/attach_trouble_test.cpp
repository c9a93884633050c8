// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Attach failures: each is one line with the fix, and nothing stays half attached.
#include <cerrno>

#include "tests/netns/attach_fixture.h"

namespace flowstamp {
namespace {

class AttachTrouble : public AttachTest {
  protected:
    static void add_bridge() {
        ip({"-n", a(), "link", "add", "kt-br", "type", "bridge"});
        ip({"-n", a(), "link", "set", "kt-br", "up"});
    }
};

TEST_F(AttachTrouble, NoSuchInterface) {
    EXPECT_EQ(failure(attach({"kta", "kt-none"})),
              "kt-none: no such interface; list them with `ip link`");
    EXPECT_EQ(failure(attach({"a-name-longer-than-15"})),
              "a-name-longer-than-15: no interface has such a name; list them with `ip link`");
    EXPECT_EQ(failure(attach({})),
              "attach: no interface was named; name one with -i; list them with `ip link`");
    EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
}

/// The first interface was already attached when the second one fails.
TEST_F(AttachTrouble, OneFailureDetachesTheOthers) {
    add_bridge();
    for (const kernel::TcMethod tc : {kernel::TcMethod::automatic, kernel::TcMethod::clsact}) {
        EXPECT_EQ(failure(attach({"kta", "kt-br"}, {.hook = kernel::IngressChoice::xdp, .tc = tc})),
                  "kt-br: attach native XDP: its driver (bridge) has no native XDP; choose --hook "
                  "tc or --hook xdp-generic");
        EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
        EXPECT_EQ(output({"bpftool", "net"}).find("flowstamp"), std::string::npos);
        EXPECT_EQ(output({"tc", "qdisc", "show", "dev", "kta"}).find("clsact"), std::string::npos);
    }
}

TEST_F(AttachTrouble, AnInterfaceThatIsDown) {
    ip({"-n", a(), "link", "set", "kta", "down"});
    kernel::AttachedProbe probe = require_attached({"kta"});
    EXPECT_EQ(texts(probe.notices()),
              "kta: is down; attached anyway. Set it up with `ip link set kta up`\n");
    ip({"-n", a(), "link", "set", "kta", "up"});
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
}

TEST_F(AttachTrouble, NoNativeXdp) {
    add_bridge();
    kernel::AttachedProbe probe = require_attached({"kt-br"});
    EXPECT_EQ(texts(probe.notices()),
              "kt-br: its driver (bridge) has no native XDP; using tc ingress. Choose --hook tc to "
              "silence this\n");
    EXPECT_EQ(probe.attachments()[0].ingress, tc_hook());
    EXPECT_EQ(
        failure(attach({"kt-br"}, {.hook = kernel::IngressChoice::xdp})),
        "kt-br: attach native XDP: its driver (bridge) has no native XDP; choose --hook tc or "
        "--hook xdp-generic");
    EXPECT_EQ(failure(attach({"lo"}, {.hook = kernel::IngressChoice::xdp})),
              "lo: attach native XDP: loopback has no native XDP; choose --hook tc or --hook "
              "xdp-generic");
    EXPECT_EQ(xdp_mode("lo"), kernel::XdpMode::none)
        << "the kernel's generic mode was taken silently";
}

TEST_F(AttachTrouble, AnotherXdpProgramStaysAndIsNamed) {
    kernel::AttachedProbe first = require_attached(
        {"kta"}, {.hook = kernel::IngressChoice::xdp, .direction = kernel::WatchDirection::in});
    const std::uint32_t id =
        inside([] { return kernel::xdp_state(kernel::find_interface("kta")->index); })->program_id;
    ASSERT_NE(id, 0U);

    kernel::AttachedProbe second = require_attached({"kta"}, {.drop = FST_DROP_CONFIRMED});
    EXPECT_EQ(texts(second.notices()),
              fmt::format("kta: another XDP program (id {}, flowstamp_xdp_i) is attached; using tc "
                          "ingress. Detach it, or choose --hook tc to silence this\n",
                          id));
    EXPECT_EQ(second.attachments()[0].ingress, tc_hook());
    EXPECT_EQ(failure(attach({"kta"}, {.hook = kernel::IngressChoice::xdp})),
              fmt::format("kta: attach native XDP: another XDP program (id {}, flowstamp_xdp_i) is "
                          "attached; detach it, or choose --hook tc",
                          id));
    EXPECT_EQ(
        failure(attach({"kta"}, {.hook = kernel::IngressChoice::xdp_generic})),
        fmt::format("kta: attach generic XDP: another XDP program (id {}, flowstamp_xdp_i) is "
                    "attached; detach it, or choose --hook tc",
                    id));
    EXPECT_EQ(
        inside([] { return kernel::xdp_state(kernel::find_interface("kta")->index); })->program_id,
        id);
}

/// A program attached the old way, without a link, could be replaced by a careless loader.
TEST_F(AttachTrouble, AnotherGenericProgramStaysToo) {
    kernel::AttachedProbe first = require_attached(
        {"kta"},
        {.hook = kernel::IngressChoice::xdp_generic, .direction = kernel::WatchDirection::in});
    kernel::AttachedProbe second = require_attached({"kta"}, {.drop = FST_DROP_CONFIRMED});
    EXPECT_EQ(second.attachments()[0].ingress, tc_hook());
    EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::generic);
    EXPECT_EQ(second.notices().size(), 1U);
}

TEST_F(AttachTrouble, MtuTooLargeForNativeXdp) {
    ip({"-n", a(), "link", "set", "kta", "mtu", "65000"});
    ip({"-n", b(), "link", "set", "ktb", "mtu", "65000"});
    kernel::AttachedProbe probe = require_attached({"kta"}, {.drop = FST_DROP_CONFIRMED});
    if (probe.attachments()[0].ingress == tc_hook()) {
        EXPECT_EQ(
            texts(probe.notices()),
            "kta: its driver refuses native XDP at an MTU of 65000 or with its present "
            "offloads; using tc ingress. Lower the MTU, or choose --hook tc to silence this\n");
    } else {
        EXPECT_EQ(probe.notices().size(), 1U);  // it takes packets of several buffers, at a cost
    }
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
}

TEST_F(AttachTrouble, ReportsOtherProgramsAtEgress) {
    ASSERT_EQ(output({"tc", "qdisc", "add", "dev", "kta", "clsact"}), "");
    ASSERT_EQ(output({"tc", "filter", "add", "dev", "kta", "egress", "bpf", "da", "bytecode",
                      "1,6 0 0 4294967295"}),
              "");
    kernel::AttachedProbe clsact = require_attached({"kta"}, {.tc = kernel::TcMethod::clsact});
    EXPECT_EQ(texts(clsact.notices()),
              "kta: 1 other tc program runs before ours at egress; a packet that it drops may not "
              "be stamped\n");
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(clsact, FST_COUNT_TCP), 2U);
    clsact.detach();
    EXPECT_NE(output({"tc", "qdisc", "show", "dev", "kta"}).find("clsact"), std::string::npos)
        << "the user's own qdisc is gone";
    EXPECT_NE(output({"tc", "filter", "show", "dev", "kta", "egress"}).find("bytecode"),
              std::string::npos);
}

}  // namespace
}  // namespace flowstamp
