// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The path's programs in the running kernel, compiled by each installed clang.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/bpf/loader_support.h"
#include "user/kernel/features/features.h"
#include "user/kernel/features/libbpf_messages.h"
#include "user/pathtrace/kernel_matches.h"
#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/live/path_probe.h"

namespace flowstamp::testing {
namespace {

class PathPrograms : public RootTest {};

/// Limit on the instructions that the verifier processes for one of these programs: there is one
/// per station, and loading them all must take no noticeable time.
constexpr std::uint32_t kBudget = 50'000;

const std::vector<std::string> kPrograms = {
    "flowstamp_ipv4_0",        "flowstamp_ipv4_63",       "flowstamp_ipv6_0",
    "flowstamp_ipv6_63",       "flowstamp_tc_0",          "flowstamp_tc_31",
    "flowstamp_path_dropped",  "flowstamp_path_consumed", "flowstamp_path_socket",
    "flowstamp_path_received", "flowstamp_path_queued"};

/// Instructions processed by the verifier, by program; empty if the object was refused.
std::map<std::string, std::uint32_t> verified(const std::string& path) {
    const std::unique_ptr<bpf_object, decltype(&bpf_object__close)> object(
        bpf_object__open(path.c_str()), bpf_object__close);
    if (!object) {
        return {};
    }
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
        bpf_program__set_autoload(
            program, std::ranges::find(kPrograms, bpf_program__name(program)) != kPrograms.end());
    }
    if (bpf_object__load(object.get()) != 0) {
        return {};
    }
    std::map<std::string, std::uint32_t> counts;
    for (const std::string& name : kPrograms) {
        bpf_prog_info info{};
        __u32 bytes = sizeof(info);
        const int fd =
            bpf_program__fd(bpf_object__find_program_by_name(object.get(), name.c_str()));
        if (bpf_prog_get_info_by_fd(fd, &info, &bytes) == 0) {
            counts[name] = info.verified_insns;
        }
    }
    return counts;
}

TEST_F(PathPrograms, AreAcceptedWithinTheBudgetForEveryCompiler) {
    unsigned variants = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(FLOWSTAMP_BINARY_DIR "/bpf/variants")) {
        if (!file.path().filename().string().starts_with("path.") ||
            file.path().extension() != ".o") {
            continue;
        }
        SCOPED_TRACE(file.path().filename().string());
        variants++;
        const kernel::LibbpfMessages messages;
        const auto counts = verified(file.path().string());
        EXPECT_EQ(counts.size(), kPrograms.size()) << messages.verifier_verdict();
        for (const auto& [name, count] : counts) {
            EXPECT_LT(count, kBudget) << name;
            RecordProperty(fmt::format("{}.{}", file.path().filename().string(), name),
                           static_cast<int>(count));
            GTEST_LOG_(INFO) << file.path().filename().string() << ' ' << name << ": " << count;
        }
    }
    EXPECT_GE(variants, 1U);
}

std::string refusal(const pathtrace::PathProbeOptions& options) {
    const Result<pathtrace::PathProbe> probe = pathtrace::PathProbe::start(options);
    return probe ? "" : probe.error().message();
}

TEST_F(PathPrograms, RefusesInvalidOptions) {
    EXPECT_EQ(refusal({.stations = {{.pf = 7, .hook = 0}}}),
              "IPv4 prerouting, priority 0: follow packets through this host: no such netfilter "
              "hook");
    EXPECT_EQ(
        refusal({.stations = {{.pf = 10, .hook = 1, .priority = INT32_MIN}}}),
        "IPv6 input, priority -2147483648: follow packets through this host: the kernel takes "
        "no BPF program at this priority");
    EXPECT_EQ(refusal({.matches = std::vector<fst_path_match>(17, pathtrace::match_everything())}),
              "17 matches: follow packets through this host: at most 16");
}

/// The first matches are constants, which the verifier follows one by one.
TEST_F(PathPrograms, LoadsWithTheMaximumOfMatches) {
    std::vector<fst_path_match> matches;
    for (std::uint16_t i = 0; i < FST_PATH_MATCHES_MAX; i++) {
        fst_path_match match = pathtrace::match_everything();
        match.family = i % 2 == 0 ? 4 : 6;
        match.both_directions = 1;
        match.source_port[0] = match.source_port[1] = static_cast<std::uint16_t>(1000 + i);
        match.source[3] = match.source_mask[3] = ~__be32{0};
        match.destination[3] = match.destination_mask[3] = ~__be32{0};
        matches.push_back(match);
    }
    const Result<pathtrace::PathProbe> probe = pathtrace::PathProbe::start(
        {.stations = {{.pf = 2, .hook = 0, .priority = 4711},
                      {.kind = pathtrace::Station::Kind::tc_ingress, .interface = "lo"}},
         .matches = matches});
    ASSERT_TRUE(probe) << probe.error().message();
    EXPECT_TRUE(probe->notices().empty()) << probe->notices().front().text;
    for (const pathtrace::StationState& state : probe->stations()) {
        EXPECT_TRUE(state.attached) << state.station.text();
    }
}

TEST_F(PathPrograms, NamesComeFromTheRunningKernel) {
    EXPECT_EQ(pathtrace::drop_reason_name(2), "NOT_SPECIFIED");  // the first reason, since 5.17
    EXPECT_EQ(pathtrace::drop_reason_name(0xfffffff0U), "reason 4294967280");
    EXPECT_EQ(pathtrace::code_name(0), "");
}

}  // namespace
}  // namespace flowstamp::testing
