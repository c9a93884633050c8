// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Interfaces whose packets begin with the IP header.
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "tests/netns/attach_fixture.h"
#include "tests/support/packet.h"

namespace flowstamp {
namespace {

class AttachTunnel : public AttachTest {
  protected:
    void SetUp() override {
        AttachTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        tun_ = inside([] {
            Fd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
            ifreq request{};
            request.ifr_flags = IFF_TUN | IFF_NO_PI;
            std::string("kt-tun").copy(request.ifr_name, IFNAMSIZ - 1);
            if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) {
                throw std::runtime_error("TUNSETIFF");
            }
            return tun;
        });
        ip({"-n", a(), "link", "set", "kt-tun", "up"});
        ip({"-n", a(), "address", "add", "198.51.100.1/24", "dev", "kt-tun"});
    }

    /// A packet from the other end of the tunnel, to a closed port, which host a refuses.
    void receive(const testing::Packet& packet) {
        const testing::Bytes bytes = packet.bytes();
        ASSERT_EQ(::write(tun_.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }

    Fd tun_;
};

TEST_F(AttachTunnel, IsStampedAtTc) {
    using namespace testing;
    kernel::AttachedProbe probe = require_attached({"kt-tun"});
    EXPECT_EQ(
        texts(probe.notices()),
        "kt-tun: its packets have no Ethernet header, which XDP would need; using tc ingress. "
        "Choose --hook tc to silence this\n");
    receive(Ipv4{.src = "198.51.100.7", .dst = "198.51.100.1", .ttl = 57} /
            Tcp{.src_port = 7000, .dst_port = 9, .seq = 5, .flags = Syn});
    EXPECT_EQ(counter(probe, FST_COUNT_TCP), 2U);
    EXPECT_EQ(counter(probe, FST_COUNT_RST), 1U);
    int flows = 0;
    probe.maps().flows().scan(
        0, probe.maps().flows().slots(), [&](std::uint32_t, const fst_flow& flow) {
            flows++;
            EXPECT_TRUE(flow.direction[0].ring[0].ttl == 57 || flow.direction[1].ring[0].ttl == 57);
            EXPECT_EQ(fst_mac_votes(&flow.direction[0]), 0);
            EXPECT_EQ(fst_mac_votes(&flow.direction[1]), 0);
        });
    EXPECT_EQ(flows, 1);
}

TEST_F(AttachTunnel, RefusesXdp) {
    for (const kernel::IngressChoice hook :
         {kernel::IngressChoice::xdp, kernel::IngressChoice::xdp_generic}) {
        EXPECT_EQ(failure(attach({"kt-tun"}, {.hook = hook})),
                  fmt::format("kt-tun: attach {} XDP: its packets have no Ethernet header, which "
                              "XDP would need; choose --hook tc",
                              hook == kernel::IngressChoice::xdp ? "native" : "generic"));
    }
}

}  // namespace
}  // namespace flowstamp
