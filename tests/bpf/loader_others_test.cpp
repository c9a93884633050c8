// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Another owner's XDP program, attached without a link: a careless loader would replace it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <thread>

#include "tests/bpf/loader_support.h"
#include "user/base/fd.h"
#include "user/kernel/features/bpf_objects.h"
#include "vmlinux/uapi.h"

namespace flowstamp::testing {
namespace {

class LoaderOthers : public RootTest {
  protected:
    /// Runs `work` in a network namespace with a veth pair kto, ktp, with a foreign program
    /// attached; passes its id.
    template <class Work>
    static void beside_another(std::uint32_t mode, Work work) {
        std::thread([&] {
            ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
            ASSERT_EQ(
                std::system("ip link add kto up type veth peer name ktp && ip link set ktp up"), 0);
            const std::uint32_t ifindex = require(kernel::find_interface("kto")).index;
            constexpr std::array<bpf_insn, 2> kPass = {
                bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS},
                bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
            const Fd program(bpf_prog_load(BPF_PROG_TYPE_XDP, "others", "GPL", kPass.data(),
                                           kPass.size(), nullptr));
            ASSERT_TRUE(program);
            ASSERT_EQ(bpf_xdp_attach(static_cast<int>(ifindex), program.get(), mode, nullptr), 0);
            const std::uint32_t id = require(kernel::xdp_state(ifindex)).program_id;
            ASSERT_NE(id, 0U);
            work(id);
            EXPECT_EQ(require(kernel::xdp_state(ifindex)).program_id, id) << "it was replaced";
        }).join();
    }
};

TEST_F(LoaderOthers, StayAndAreReported) {
    for (const std::uint32_t mode : {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE}) {
        beside_another(mode, [](std::uint32_t id) {
            // Only one that acts prefers XDP on a veth.
            kernel::AttachedProbe probe =
                require(load({.challenge = FST_CHALLENGE_ALL}).attach({"kto"}));
            // A watch that was killed before this test would add a notice of its own.
            const auto is_of_kto = [](const kernel::Notice& notice) {
                return notice.text.starts_with("kto: ");
            };
            ASSERT_EQ(std::ranges::count_if(probe.notices(), is_of_kto), 1);
            EXPECT_EQ(std::ranges::find_if(probe.notices(), is_of_kto)->text,
                      "kto: another XDP program (id " + std::to_string(id) +
                          ", others) is attached; using tc ingress. Detach it, or choose --hook tc "
                          "to silence this");
            EXPECT_NE(probe.attachments()[0].ingress, kernel::Hook::xdp);
        });
    }
}

TEST_F(LoaderOthers, StayWhenXdpIsRequired) {
    beside_another(XDP_FLAGS_DRV_MODE, [](std::uint32_t id) {
        for (const kernel::IngressChoice hook :
             {kernel::IngressChoice::xdp, kernel::IngressChoice::xdp_generic}) {
            const Result<kernel::AttachedProbe> refused = load({.hook = hook}).attach({"kto"});
            ASSERT_FALSE(refused);
            EXPECT_TRUE(refused.error().message().ends_with(
                "XDP: another XDP program (id " + std::to_string(id) +
                ", others) is attached; detach it, or choose --hook tc"))
                << refused.error().message();
        }
    });
}

}  // namespace
}  // namespace flowstamp::testing
