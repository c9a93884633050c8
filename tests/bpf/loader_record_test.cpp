// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Finding a running watch, and distinguishing it from a dead one.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "user/kernel/maps/run_record.h"

namespace flowstamp {
namespace {

TEST(LoaderRecord, RoundTrips) {
    const kernel::RunRecord record{
        .version = 1, .interfaces = {{2, "eth0"}, {31, "br-12.x"}}, .qdiscs = {{4026531840, 2}}};
    EXPECT_EQ(record.to_text(),
              "version 1\ninterface 2 eth0\ninterface 31 br-12.x\n"
              "clsact 4026531840 2\n");
    EXPECT_EQ(kernel::RunRecord::parse(record.to_text()), record);
}

TEST(LoaderRecord, ReportsLearnedSignatures) {
    const kernel::RunRecord record{
        .version = 1,
        .learns = false,
        .learned = {{.signature = {.ifindex = 31, .ip_id = 0x3412, .hops = 3, .tcp_flags = 20},
                     .learned = Nanoseconds(1'795'000'000'000'000'001),
                     .seen = Nanoseconds(1'795'000'009'000'000'002)}}};
    EXPECT_EQ(record.to_text(),
              "version 1\nno-learn\n"
              "learned 31 13330 3 20 1795000000000000001 1795000009000000002\n");
    EXPECT_EQ(kernel::RunRecord::parse(record.to_text()), record);
    EXPECT_TRUE(kernel::RunRecord::parse("learned 31 13330 3\n").learned.empty());
}

TEST(LoaderRecord, SkipsUnknownLines) {
    EXPECT_EQ(
        kernel::RunRecord::parse("version 2\nweather fair\n\ninterface\ninterface x y\nclsact 1\n"),
        kernel::RunRecord{.version = 2});
    EXPECT_EQ(kernel::RunRecord::parse(""), kernel::RunRecord{});
}

TEST(LoaderRecord, IdentifiesAProcessByItsStartTime) {
    const kernel::RunName self = kernel::RunName::of_this_process(17);
    EXPECT_EQ(self.pid, ::getpid());
    EXPECT_TRUE(self.is_alive());
    kernel::RunName reused = self;  // the process id reused
    reused.start++;
    EXPECT_FALSE(reused.is_alive());

    const pid_t child = ::fork();
    if (child == 0) {
        _exit(0);
    }
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(kernel::process_start(child), std::nullopt);
}

TEST(LoaderRecord, FindsRunsByFileName) {
    char folder[] = "/tmp/flowstamp-test-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    for (const char* name : {"run-12-345-6", "run-12-345-6.new", "run-x-1-2", "flows-12-345-6",
                             "run-12-345-6x", "run-012-345-6"}) {
        std::ofstream(std::string(folder) + "/" + name);
    }
    const std::vector<kernel::RunName> names = kernel::run_names(folder, kernel::kRecordPrefix);
    std::filesystem::remove_all(folder);
    ASSERT_EQ(names.size(), 1U);
    EXPECT_EQ(names[0], (kernel::RunName{.pid = 12, .start = 345, .map_id = 6}));
    EXPECT_EQ(names[0].record_path(), "/run/flowstamp/run-12-345-6");
    EXPECT_EQ(names[0].pin_path(), "/sys/fs/bpf/flowstamp/flows-12-345-6");
    EXPECT_TRUE(kernel::run_names("/nonexistent", kernel::kRecordPrefix).empty());
}

}  // namespace
}  // namespace flowstamp
