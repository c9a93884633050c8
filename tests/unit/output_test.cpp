// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "user/output/json/json_output.h"

namespace flowstamp {
namespace {

TEST(Output, TruncatesAndWritesAFile) {
    std::string path = "/tmp/flowstamp-output-XXXXXX";
    ::close(::mkstemp(path.data()));
    {
        std::ofstream(path) << "what was there before\n";
    }
    auto output = output::Output::file(path);
    ASSERT_TRUE(output);
    output->write("one\n");
    output->write("two\n");
    EXPECT_TRUE(output->health());
    EXPECT_FALSE(output->is_terminal());
    std::ifstream file(path);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "one\ntwo\n");
    ::unlink(path.c_str());
}

TEST(Output, HoldsBackUntilReleased) {
    std::string path = "/tmp/flowstamp-output-XXXXXX";
    ::close(::mkstemp(path.data()));
    auto output = output::Output::file(path);
    ASSERT_TRUE(output);
    const auto written = [&] {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    output->hold();
    output->write("one\n");
    output->hold();
    output->write("two\n");
    EXPECT_EQ(written(), "");
    output->release();
    output->release();
    EXPECT_EQ(written(), "one\ntwo\n");
    output->write("three\n");
    EXPECT_EQ(written(), "one\ntwo\nthree\n");
    ::unlink(path.c_str());
}

TEST(Output, ReportsWhyAFileCannotBeOpened) {
    const auto output = output::Output::file("/nonexistent/events.json");
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().message(),
              "/nonexistent/events.json: open for writing: no such file or directory");
}

TEST(Output, KeepsItsFirstFailure) {
    auto output = output::Output::file("/dev/full");
    ASSERT_TRUE(output);
    output::JsonOutput json(*output, false);
    json.consume(analysis::Stats{});
    ASSERT_FALSE(output->health());
    EXPECT_EQ(output->health().error().errno_value, ENOSPC);
    EXPECT_FALSE(output->reader_has_gone());
    json.consume(analysis::Stats{});
    EXPECT_EQ(output->health().error().object, "/dev/full");
}

TEST(Output, DetectsAClosedReader) {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    std::string path = "/tmp/flowstamp-fifo-XXXXXX";
    ::close(::mkstemp(path.data()));
    ::unlink(path.c_str());
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK));
    ASSERT_TRUE(reader);
    auto output = output::Output::file(path);
    ASSERT_TRUE(output);
    output->write("heard\n");
    EXPECT_TRUE(output->health());
    reader.reset();
    output->write("unheard\n");
    EXPECT_FALSE(output->health());
    EXPECT_TRUE(output->reader_has_gone());
    ::unlink(path.c_str());
    std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace flowstamp
