// SPDX-License-Identifier: Apache-2.0
// `doctor`: its verdict, and that it tidies up.
#include <cstdio>

#include "tests/netns/attach_fixture.h"
#include "user/cmd/doctor/doctor.h"

namespace flowstamp {
namespace {

struct Diagnosis {
    int status = -1;
    std::string text;

    [[nodiscard]] bool says(const std::string& line) const {
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

TEST_F(AttachDoctor, TellsWhatAnInterfaceAllows) {
    ip({"-n", a(), "link", "set", "kta", "down"});
    const Diagnosis told = inside([] { return diagnose({"kta", "lo"}); });
    EXPECT_EQ(told.status, 0) << told.text;
    EXPECT_TRUE(told.says("its programs load, and pass the verifier")) << told.text;
    EXPECT_TRUE(told.says("is down; ip link set kta up")) << told.text;
    EXPECT_TRUE(told.says("loopback has no native XDP: tc ingress will be used")) << told.text;
    EXPECT_TRUE(told.text.ends_with("path can run here\nwatch can run here\n")) << told.text;

    const Diagnosis all = inside([] { return diagnose({}); });
    EXPECT_EQ(all.status, 0) << all.text;
    EXPECT_TRUE(all.says("kta ingress")) << all.text;
}

TEST_F(AttachDoctor, TellsWhatPathWorksBy) {
    const Diagnosis told = inside([] { return diagnose({"kta"}); });
    for (const char* part : {"netfilter stations", "tc stations", "kfree_skb", "consume_skb",
                             "tcp_probe", "ruleset", "iptables"}) {
        EXPECT_TRUE(told.says(std::string("ok       path: ") + part)) << told.text;
    }
}

TEST_F(AttachDoctor, TellsWhichProgramsRulesetsCannotBeReadWith) {
    const std::string path = ::getenv("PATH");
    ::setenv("PATH", "/nonexistent", 1);
    const Diagnosis told = inside([] { return diagnose({"kta"}); });
    ::setenv("PATH", path.c_str(), 1);
    EXPECT_TRUE(told.says("limited  path: iptables")) << told.text;
    EXPECT_TRUE(told.says("no iptables-nft-save, ")) << told.text;
    EXPECT_TRUE(told.says("apt install iptables\n")) << told.text;
    EXPECT_TRUE(told.says("path can run here\n")) << told.text;
}

TEST_F(AttachDoctor, TellsOfAnotherXdpProgram) {
    const kernel::AttachedProbe other = require_attached({"kta"});
    const Diagnosis told = inside([] { return diagnose({"kta"}); });
    EXPECT_EQ(told.status, 0) << told.text;
    EXPECT_TRUE(told.says("flowstamp_xdp_i) is attached: tc ingress will be used")) << told.text;
}

TEST_F(AttachDoctor, FailsForAnInterfaceThatIsNotThere) {
    const Diagnosis told = inside([] { return diagnose({"kta", "kt-none"}); });
    EXPECT_EQ(told.status, 1);
    EXPECT_TRUE(told.says("kt-none: no such interface; list them with `ip link`")) << told.text;
    EXPECT_TRUE(told.text.ends_with("watch cannot run here\n")) << told.text;
}

TEST_F(AttachDoctor, FailsWithoutPrivilegesAndNamesThem) {
    const Diagnosis told = inside([] {
        int answer[2];
        if (::pipe(answer) != 0) {
            throw std::runtime_error("pipe");
        }
        const pid_t child = ::fork();
        if (child == 0) {
            const bool dropped = ::setresuid(65534, 65534, 65534) == 0;
            const Diagnosis told = dropped ? diagnose({"lo"}) : Diagnosis{};
            const ssize_t wrote = ::write(answer[1], told.text.data(), told.text.size());
            _exit(wrote > 0 ? told.status : 99);
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
    EXPECT_EQ(told.status, 1) << told.text;
    for (const char* name : {"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"}) {
        EXPECT_TRUE(told.says(std::string("missing  ") + name)) << told.text;
    }
    EXPECT_TRUE(told.says("path cannot run here\n")) << told.text;
    EXPECT_FALSE(told.says("verifier")) << "what was not tried must not be told\n" << told.text;
}

}  // namespace
}  // namespace flowstamp
