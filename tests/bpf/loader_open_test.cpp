// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Errors before a probe is attached: each is one line, with the fix.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <string>
#include <thread>

#include "flowstamp/config.h"
#include "tests/bpf/loader_support.h"
#include "user/kernel/features/capabilities.h"
#include "user/kernel/features/kernel_release.h"
#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::testing {
namespace {

class LoaderOpen : public RootTest {};

std::string refusal(const kernel::ProbeOptions& options) {
    const Result<kernel::OpenProbe> open = kernel::OpenProbe::open(options);
    return open ? "" : open.error().message();
}

TEST_F(LoaderOpen, RefusesAFlowTableOutOfRange) {
    EXPECT_EQ(refusal({.max_flows = 1023}),
              "1023 flows: make the flow table: out of range; choose 1024 to 16777216");
    EXPECT_EQ(refusal({.max_flows = FST_FLOWS_MAX + 1}),
              "16777217 flows: make the flow table: out of range; choose 1024 to 16777216");
}

TEST_F(LoaderOpen, RoundsTheFlowTableUpToAPowerOfTwo) {
    EXPECT_EQ(load({.max_flows = 1024}).maps().flows().slots(), 1228U);
    EXPECT_EQ(load({.max_flows = 1025}).maps().flows().slots(), 1230U);
    EXPECT_EQ(load({}).maps().flows().slots(), fst_flow_slots(FST_FLOWS_DEFAULT));
}

TEST_F(LoaderOpen, NamesThePrivilegesThatAreMissing) {
    const std::string message = in_child(
        [] { return ::setresuid(65534, 65534, 65534) == 0 ? refusal({}) : "setresuid failed"; });
    EXPECT_EQ(message,
              "attach to the kernel: missing CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN; run as root, or "
              "give the program these privileges: setcap cap_bpf,cap_perfmon,cap_net_admin+ep "
              "flowstamp");
}

/// The programs use only stable kernel interfaces, so they do not need the kernel's BTF.
TEST_F(LoaderOpen, NeedsNoKernelBtf) {
    std::string outcome = "not run";
    std::thread([&] {  // a mount namespace for this thread
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", "/sys/kernel/btf", "tmpfs", 0, nullptr) != 0) {
            outcome = "could not hide /sys/kernel/btf";
            return;
        }
        if (::access("/sys/kernel/btf/vmlinux", F_OK) == 0) {
            outcome = "BTF is still there";
            return;
        }
        Result<kernel::OpenProbe> open = kernel::OpenProbe::open({});
        const Result<kernel::LoadedProbe> loaded = std::move(*open).load();
        outcome = loaded ? "loaded" : loaded.error().message();
    })
        .join();
    EXPECT_EQ(outcome, "loaded");
}

TEST(LoaderCapabilities, SysAdminIncludesBpfAndPerfmon) {
    constexpr std::uint64_t kNetAdmin = 1ULL << 12;
    constexpr std::uint64_t kSysAdmin = 1ULL << 21;
    EXPECT_TRUE(kernel::Capabilities(kNetAdmin | kSysAdmin).missing().empty());
    const auto missing = kernel::Capabilities(kSysAdmin).missing();
    ASSERT_EQ(missing.size(), 1U);
    EXPECT_EQ(missing[0].name, "CAP_NET_ADMIN");
    EXPECT_EQ(kernel::Capabilities(0).missing().size(), 3U);
}

TEST(LoaderKernelRelease, ParsesDistributionReleases) {
    EXPECT_TRUE(kernel::KernelRelease::parse("6.1.0-18-amd64").at_least(6, 1));
    EXPECT_FALSE(kernel::KernelRelease::parse("6.1.0-18-amd64").at_least(6, 2));
    EXPECT_TRUE(kernel::KernelRelease::parse("10.0-rc1").at_least(6, 6));
    EXPECT_EQ(kernel::kernel_too_old(kernel::KernelRelease::parse("6.1.0")), "");
    EXPECT_EQ(kernel::kernel_too_old(kernel::KernelRelease::parse("5.10.0-28-amd64")),
              "needs kernel 6.1 or later, this is 5.10.0-28-amd64");
}

TEST(LoaderMessages, FindsTheVerifiersVerdict) {
    EXPECT_EQ(
        kernel::verifier_verdict("libbpf: prog 'flowstamp_tc_egress': BPF program load failed\n"
                                 "libbpf: prog 'flowstamp_tc_egress': -- BEGIN PROG LOAD LOG --\n"
                                 "0: R1=ctx() R10=fp0\n"
                                 "R2 !read_ok\n"
                                 "processed 1 insns (limit 1000000) max_states_per_insn 0\n"
                                 "-- END PROG LOAD LOG --\n"
                                 "libbpf: failed to load object 'probe_bpf'\n"),
        "flowstamp_tc_egress: R2 !read_ok");
    EXPECT_EQ(kernel::verifier_verdict("libbpf: map 'flows': failed to create: -ENOMEM\n"), "");
}

}  // namespace
}  // namespace flowstamp::testing
