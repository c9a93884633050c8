// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// `doctor`: its verdict, and that it cleans up.
#include <cstdio>

#include "tests/netns/attach_fixture.h"
#include "user/cmd/doctor/doctor.h"

namespace flowstamp {
namespace {

struct Diagnosis {
    int status = -1;
    std::string text;

    [[nodiscard]] bool contains(const std::string& line) const {
        return text.find(line) != std::string::npos;
    }
};

Diagnosis diagnose(const std::vector<std::string>& interfaces) {
    char* memory = nullptr;
    std::size_t bytes = 0;
    std::FILE* out = ::open_memstream(&memory, &bytes);
    Diagnosis diagnosis{.status = cmd::run_doctor(interfaces, out), .text = {}};
    std::fclose(out);
    diagnosis.text.assign(memory, bytes);
    std::free(memory);
    return diagnosis;
}

class AttachDoctor : public AttachTest {};

TEST_F(AttachDoctor, ReportsInterfaceSupport) {
    ip({"-n", a(), "link", "set", "kta", "down"});
    const Diagnosis output = inside([] { return diagnose({"kta", "lo"}); });
    EXPECT_EQ(output.status, 0) << output.text;
    EXPECT_TRUE(output.contains("its programs load and pass the verifier")) << output.text;
    EXPECT_TRUE(output.contains("is down; ip link set kta up")) << output.text;
    EXPECT_TRUE(output.contains("loopback has no native XDP: tc ingress will be used"))
        << output.text;
    EXPECT_TRUE(output.text.ends_with("path can run here\nwatch can run here\n")) << output.text;

    const Diagnosis all = inside([] { return diagnose({}); });
    EXPECT_EQ(all.status, 0) << all.text;
    EXPECT_TRUE(all.contains("kta ingress")) << all.text;
}

TEST_F(AttachDoctor, ReportsWhatXdpWouldCost) {
    const Diagnosis output = inside([] { return diagnose({"kta"}); });
    EXPECT_TRUE(
        output.contains("it would cost its large segments: only --drop and --challenge "
                        "take it, else tc ingress will be used"))
        << output.text;
}

TEST_F(AttachDoctor, ReportsWhatAWatchWouldCost) {
    const Diagnosis output = inside([] { return diagnose({"kta"}); });
    EXPECT_TRUE(output.contains("65536 take 32 MB; of the ")) << output.text;
    EXPECT_TRUE(output.contains("names the program that does not read its socket")) << output.text;
}

TEST_F(AttachDoctor, ReportsPathSupport) {
    const Diagnosis output = inside([] { return diagnose({"kta"}); });
    for (const char* part : {"netfilter stations", "tc stations", "kfree_skb", "consume_skb",
                             "tcp_probe", "ruleset", "iptables"}) {
        EXPECT_TRUE(output.contains(std::string("ok       path: ") + part)) << output.text;
    }
}

TEST_F(AttachDoctor, ReportsMissingIptables) {
    const std::string path = ::getenv("PATH");
    ::setenv("PATH", "/nonexistent", 1);
    const Diagnosis output = inside([] { return diagnose({"kta"}); });
    ::setenv("PATH", path.c_str(), 1);
    EXPECT_TRUE(output.contains("limited  path: iptables")) << output.text;
    EXPECT_TRUE(output.contains("no iptables-nft-save, ")) << output.text;
    EXPECT_TRUE(output.contains("apt install iptables\n")) << output.text;
    EXPECT_TRUE(output.contains("path can run here\n")) << output.text;
}

TEST_F(AttachDoctor, ReportsAnotherXdpProgram) {
    const kernel::AttachedProbe other =
        require_attached({"kta"}, {.hook = kernel::IngressChoice::xdp});
    const Diagnosis output = inside([] { return diagnose({"kta"}); });
    EXPECT_EQ(output.status, 0) << output.text;
    EXPECT_TRUE(output.contains("flowstamp_xdp_i) is attached: tc ingress will be used"))
        << output.text;
}

TEST_F(AttachDoctor, FailsForAMissingInterface) {
    const Diagnosis output = inside([] { return diagnose({"kta", "kt-none"}); });
    EXPECT_EQ(output.status, 1);
    EXPECT_TRUE(output.contains("kt-none: no such interface; list them with `ip link`"))
        << output.text;
    EXPECT_TRUE(output.text.ends_with("watch cannot run here\n")) << output.text;
}

TEST_F(AttachDoctor, FailsWithoutPrivilegesAndNamesThem) {
    const Diagnosis output = inside([] {
        int answer[2];
        if (::pipe(answer) != 0) {
            throw std::runtime_error("pipe");
        }
        const pid_t child = ::fork();
        if (child == 0) {
            const bool dropped = ::setresuid(65534, 65534, 65534) == 0;
            const Diagnosis output = dropped ? diagnose({"lo"}) : Diagnosis{};
            const ssize_t wrote = ::write(answer[1], output.text.data(), output.text.size());
            _exit(wrote > 0 ? output.status : 99);
        }
        ::close(answer[1]);
        std::string text(65536, '\0');
        ssize_t used = 0;
        for (ssize_t got = 1; got > 0; used += got) {
            got = ::read(answer[0], text.data() + used, text.size() - used);
        }
        ::close(answer[0]);
        text.resize(used);
        int status = 0;
        ::waitpid(child, &status, 0);
        return Diagnosis{.status = WEXITSTATUS(status), .text = text};
    });
    EXPECT_EQ(output.status, 1) << output.text;
    for (const char* name : {"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"}) {
        EXPECT_TRUE(output.contains(std::string("missing  ") + name)) << output.text;
    }
    EXPECT_TRUE(output.contains("path cannot run here\n")) << output.text;
    EXPECT_FALSE(output.contains("verifier")) << "what was not tried must not be reported\n"
                                              << output.text;
}

}  // namespace
}  // namespace flowstamp
