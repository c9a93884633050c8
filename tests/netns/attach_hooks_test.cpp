// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Each way of attaching: every packet is seen once, and nothing stays attached.
#include <cerrno>
#include <optional>

#include "tests/netns/attach_fixture.h"

namespace flowstamp {
namespace {

struct Way {
    const char* name;
    kernel::IngressChoice choice;
    kernel::TcMethod tc;
    /// None: how tc programs are attached on this kernel by default.
    std::optional<kernel::Hook> expect_ingress;
    std::optional<kernel::Hook> expect_egress;

    [[nodiscard]] kernel::Hook ingress(kernel::Hook usual) const {
        return expect_ingress.value_or(usual);
    }
    [[nodiscard]] kernel::Hook egress(kernel::Hook usual) const {
        return expect_egress.value_or(usual);
    }
};

class AttachHooks : public AttachTest, public ::testing::WithParamInterface<Way> {
  protected:
    void SetUp() override {
        AttachTest::SetUp();
        if (!IsSkipped() && GetParam().tc == kernel::TcMethod::tcx && !kernel::has_tcx()) {
            EXPECT_EQ(failure(attach({"kta"}, options())).find("attach by tcx: needs kernel 6.6"),
                      0U);
            GTEST_SKIP() << "this kernel has no tcx";
        }
    }
    static kernel::ProbeOptions options() {
        return {.hook = GetParam().choice, .tc = GetParam().tc};
    }
};

TEST_P(AttachHooks, SeesEachPacketOnce) {
    kernel::AttachedProbe probe = require_attached({"kta"}, options());
    EXPECT_EQ(texts(probe.notices()), "");
    ASSERT_EQ(probe.attachments().size(), 1U);
    EXPECT_EQ(probe.attachments()[0].interface.name, "kta");
    EXPECT_EQ(probe.attachments()[0].ingress, GetParam().ingress(tc_hook()));
    EXPECT_EQ(probe.attachments()[0].egress, GetParam().egress(tc_hook()));

    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
    EXPECT_EQ(counter(probe, FST_COUNT_RST), 1U);
    EXPECT_EQ(counter(probe, FST_COUNT_FLOW_NEW), 1U);
}

/// The test's own thread was never in the namespace: detaching must enter it.
TEST_P(AttachHooks, LeavesNothingBehind) {
    const std::string before = output({"tc", "qdisc", "show", "dev", "kta"});
    {
        kernel::AttachedProbe probe = require_attached({"kta"}, options());
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
        EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
        probe.detach();
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
        EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U) << "still seen after detach()";
    }
    EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
    EXPECT_EQ(output({"tc", "qdisc", "show", "dev", "kta"}), before);
    EXPECT_EQ(output({"bpftool", "net", "show", "dev", "kta"}).find("flowstamp"),
              std::string::npos);
}

TEST_P(AttachHooks, AnotherWatchBesideItSeesTheSame) {
    kernel::AttachedProbe first = require_attached({"kta"}, options());
    const bool same_xdp = GetParam().choice == kernel::IngressChoice::xdp ||
                          GetParam().choice == kernel::IngressChoice::xdp_generic;
    kernel::AttachedProbe second = require_attached(
        {"kta"},
        {.hook = same_xdp ? kernel::IngressChoice::tc : GetParam().choice, .tc = GetParam().tc});
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(first, FST_COUNT_TCP), 2U);
    EXPECT_EQ(counter(second, FST_COUNT_TCP), 2U);

    first.detach();  // the second still needs what it created
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(first, FST_COUNT_TCP), 2U);
    EXPECT_EQ(counter(second, FST_COUNT_TCP), 4U);
}

TEST_P(AttachHooks, WatchesOneDirectionIfRequested) {
    kernel::ProbeOptions one_way = options();
    one_way.direction = kernel::WatchDirection::in;
    kernel::AttachedProbe in = require_attached({"kta"}, one_way);
    EXPECT_EQ(in.attachments()[0].ingress, GetParam().ingress(tc_hook()));
    EXPECT_EQ(in.attachments()[0].egress, std::nullopt);
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(in, FST_COUNT_TCP), 1U);
    EXPECT_EQ(counter(in, FST_COUNT_RST), 1U);
    in.detach();

    one_way.direction = kernel::WatchDirection::out;
    kernel::AttachedProbe out = require_attached({"kta"}, one_way);
    EXPECT_EQ(out.attachments()[0].ingress, std::nullopt);
    EXPECT_EQ(out.attachments()[0].egress, GetParam().egress(tc_hook()));
    EXPECT_EQ(texts(out.notices()),
              "only one direction is watched: a forged reset is suspected at most, and cannot be "
              "challenged\n");
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    EXPECT_EQ(counter(out, FST_COUNT_TCP), 1U);
    EXPECT_EQ(counter(out, FST_COUNT_RST), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, AttachHooks,
    ::testing::Values(
        Way{"automatic", kernel::IngressChoice::automatic, kernel::TcMethod::automatic, {}, {}},
        Way{"xdp", kernel::IngressChoice::xdp, kernel::TcMethod::tcx, kernel::Hook::xdp,
            kernel::Hook::tcx},
        Way{"xdp_generic", kernel::IngressChoice::xdp_generic, kernel::TcMethod::tcx,
            kernel::Hook::xdp_generic, kernel::Hook::tcx},
        Way{"tcx", kernel::IngressChoice::tc, kernel::TcMethod::tcx, kernel::Hook::tcx,
            kernel::Hook::tcx},
        Way{"xdp_clsact", kernel::IngressChoice::xdp, kernel::TcMethod::clsact, kernel::Hook::xdp,
            kernel::Hook::clsact},
        Way{"clsact", kernel::IngressChoice::tc, kernel::TcMethod::clsact, kernel::Hook::clsact,
            kernel::Hook::clsact}),
    [](const auto& info) { return info.param.name; });

/// A veth with XDP gets no large segments: who only looks on must not take them.
class AttachAutomatic : public AttachTest {};

TEST_F(AttachAutomatic, ObservingTakesTcWhereXdpWouldCost) {
    kernel::AttachedProbe probe = require_attached({"kta"});
    EXPECT_EQ(probe.attachments()[0].ingress, tc_hook());
    EXPECT_EQ(probe.attachments()[0].why, "its large segments");
    EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
    EXPECT_EQ(texts(probe.notices()), "");
}

TEST_F(AttachAutomatic, ActingTakesXdpAndSaysWhatItCosts) {
    kernel::AttachedProbe probe = require_attached({"kta"}, {.drop = FST_DROP_CONFIRMED});
    EXPECT_EQ(probe.attachments()[0].ingress, kernel::Hook::xdp);
    EXPECT_EQ(probe.attachments()[0].why, "");
    EXPECT_EQ(texts(probe.notices()),
              "kta: XDP costs it its large segments; --hook tc refuses resets as well, at no such "
              "cost\n");
    kernel::AttachedProbe asked =
        require_attached({"kta"}, {.hook = kernel::IngressChoice::tc, .drop = FST_DROP_CONFIRMED});
    EXPECT_EQ(texts(asked.notices()), "");
}

TEST_F(AttachAutomatic, ATapDeviceIsLikeAVeth) {
    ip({"-n", a(), "tuntap", "add", "kt-tap", "mode", "tap"});
    kernel::AttachedProbe probe = require_attached({"kt-tap"});
    EXPECT_EQ(probe.attachments()[0].ingress, tc_hook());
    EXPECT_EQ(xdp_mode("kt-tap"), kernel::XdpMode::none);
}

class AttachSeveral : public AttachTest {};

TEST_F(AttachSeveral, FlowsNameTheirInterface) {
    ip({"-n", a(), "link", "add", "kt-br", "type", "bridge"});
    ip({"-n", a(), "link", "set", "kt-br", "up"});
    kernel::AttachedProbe probe = require_attached({"kta", "kt-br", "kta"});
    ASSERT_EQ(probe.attachments().size(), 2U) << "an interface named twice is watched once";
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    int flows = 0;
    probe.maps().flows().scan(
        0, probe.maps().flows().slots(), [&](std::uint32_t, const fst_flow& flow) {
            flows++;
            EXPECT_EQ(flow.key.ifindex, probe.attachments()[0].interface.index);
        });
    EXPECT_EQ(flows, 1);
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
}

TEST_F(AttachSeveral, LoopbackPacketsAreSeenOnce) {
    kernel::AttachedProbe probe = require_attached({"lo"});
    EXPECT_EQ(texts(probe.notices()),
              "lo: loopback has no native XDP; using tc ingress, which sees both directions there. "
              "Choose --hook tc to silence this\n");
    EXPECT_EQ(probe.attachments()[0].ingress, tc_hook());
    EXPECT_EQ(probe.attachments()[0].egress, std::nullopt);
    EXPECT_EQ(connect_to_closed_port("127.0.0.1"), ECONNREFUSED);
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
    EXPECT_EQ(counter(probe, FST_COUNT_FLOW_NEW), 1U);
    probe.detach();

    kernel::AttachedProbe requested = require_attached({"lo"}, {.hook = kernel::IngressChoice::tc});
    EXPECT_EQ(texts(requested.notices()), "");
    kernel::AttachedProbe generic =
        require_attached({"lo"}, {.hook = kernel::IngressChoice::xdp_generic});
    EXPECT_EQ(connect_to_closed_port("127.0.0.1"), ECONNREFUSED);
    EXPECT_EQ(counter(generic, FST_COUNT_TCP), 2U);
}

}  // namespace
}  // namespace flowstamp
