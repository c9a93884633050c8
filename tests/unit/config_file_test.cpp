// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `watch --config FILE`: the options of the command line from a file, which the command line overrides.
#include "user/cmd/config_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "user/cmd/options.h"
#include "user/cmd/watch/reload.h"

namespace flowstamp {
namespace {

using cmd::WatchOptions;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

cmd::ReadText file(const std::string& text) {
    return [text](const std::string&) { return text; };
}

/// The options of `watch --config x.toml WORDS` where the file contains `text`.
WatchOptions parsed(const std::string& text, Words words = {}) {
    words.insert(words.begin(), {"watch", "--config", "x.toml"});
    const auto options = cmd::parse(words, file(text));
    if (!options) {
        ADD_FAILURE() << options.error().text;
        return {};
    }
    return std::get<WatchOptions>(*options);
}

std::string refusal(const std::string& text, Words words = {}) {
    words.insert(words.begin(), {"watch", "--config", "x.toml"});
    const auto options = cmd::parse(words, file(text));
    if (options) {
        return "accepted";
    }
    EXPECT_EQ(options.error().status, 2);
    EXPECT_EQ(options.error().text, "flowstamp: " + options.error().line + "\n");
    return options.error().line;
}

TEST(ConfigFile, SaysWhatACommandLineSays) {
    const WatchOptions options = parsed(R"(# the uplinks
interface = ["eth0", "eth1"]
hook = "tc"
json = true
print = false
no-learn = true
max-flows = 4096
duration = "10s"
verbose = true
log = "/var/log/x.json"
filter = "port 443 and host 192.0.2.1"
)");
    EXPECT_THAT(options.interfaces, ElementsAre("eth0", "eth1"));
    EXPECT_EQ(options.hook, kernel::IngressChoice::tc);
    EXPECT_TRUE(options.json);
    EXPECT_FALSE(options.print);
    EXPECT_FALSE(options.learn);
    EXPECT_EQ(options.max_flows, 4096U);
    EXPECT_EQ(options.duration, std::chrono::seconds(10));
    EXPECT_EQ(options.verbosity, 1);
    EXPECT_EQ(options.log, "/var/log/x.json");
    EXPECT_EQ(options.filter, "port 443 and host 192.0.2.1");
}

TEST(ConfigFile, TheCommandLineWins) {
    const std::string text =
        "interface = \"eth0\"\nmax-flows = 4096\nfilter = \"port 1\"\nno-learn = true\njson = "
        "true\n";
    const WatchOptions options = parsed(
        text, {"-i", "eth7", "--max-flows=2048", "--no-learn=false", "--json=false", "port", "2"});
    EXPECT_THAT(options.interfaces, ElementsAre("eth7"));
    EXPECT_EQ(options.max_flows, 2048U);
    EXPECT_EQ(options.filter, "port 2");
    EXPECT_TRUE(options.learn);
    EXPECT_FALSE(options.json);
    EXPECT_THAT(options.settings, IsEmpty()) << "what the file says has no effect";
}

TEST(ConfigFile, TakesEveryOptionOfWatch) {
    for (const cmd::CommandDescription& command : cmd::describe_commands()) {
        if (command.name != WatchOptions::kCommand) {
            continue;
        }
        for (const cmd::OptionDescription& option : command.options) {
            const bool is_flag = option.type.empty();
            const cmd::Setting setting{
                .key = option.key(),
                .line = 1,
                .values = {is_flag                  ? "true"
                           : option.choices.empty() ? "x"
                                                    : option.choices.front()},
                .is_flag = is_flag};
            const auto words = cmd::words_of(setting, command);
            if (option.name == "--config") {
                EXPECT_FALSE(words) << "no file can name another one";
            } else {
                ASSERT_TRUE(words) << option.name << ": " << words.error().message();
                EXPECT_FALSE(words->empty());
            }
        }
    }
}

TEST(ConfigFile, AnUnknownKeyIsAnErrorWithItsLineAndTheNearest) {
    EXPECT_EQ(refusal("interface = \"eth0\"\n\nchalenge = \"all\"\n"),
              "x.toml:3: 'chalenge' is no option of watch; did you mean 'challenge'? See flowstamp "
              "watch --help");
    EXPECT_EQ(
        refusal("max_flows = 1024\n"),
        "x.toml:1: 'max_flows' is no option of watch; did you mean 'max-flows'? See flowstamp "
        "watch --help");
    EXPECT_EQ(refusal("colour-of-the-sky = 1\n"),
              "x.toml:1: 'colour-of-the-sky' is no option of watch; see flowstamp watch --help");
}

TEST(ConfigFile, AWrongValueIsAnErrorWithItsLine) {
    EXPECT_EQ(refusal("# x\ndrop = \"all\"\n"),
              "x.toml:2: --drop all: not known; choose off, confirmed or suspected");
    EXPECT_EQ(refusal("json = \"yes\""), "x.toml:1: json: true or false, without quotes");
    EXPECT_EQ(refusal("hook = true"), "x.toml:1: hook: wants WORD");
    EXPECT_EQ(refusal("hook = [\"tc\", \"xdp\"]"), "x.toml:1: hook: wants WORD");
    EXPECT_EQ(refusal("interface = []"), "x.toml:1: interface: wants IFACE, or an array of them");
    EXPECT_EQ(refusal("[watch]\njson = true"),
              "x.toml:1: watch: not text in quotes, a whole number, true or false, or an array of "
              "these");
    EXPECT_EQ(refusal("duration = 07:32:00").substr(0, 19), "x.toml:1: duration:");
    EXPECT_EQ(refusal("interface = [\n").substr(0, 10), "x.toml:1: ");
    EXPECT_EQ(refusal("json = true\njson = true").substr(0, 10), "x.toml:2: ");
    EXPECT_EQ(refusal("config = \"y\""), "x.toml:1: config: such a file cannot name another one");
}

TEST(ConfigFile, OptionsThatContradictEachOtherAreRefusedWhereverTheyStand) {
    EXPECT_EQ(refusal("json = true"),
              "watch: no interface given; name one with -i (`ip link` lists them)");
    EXPECT_NE(refusal("drop = \"confirmed\"", {"-i", "eth0", "port", "1"}).find("FILTER"),
              std::string::npos);
}

TEST(ConfigFile, OneThatCannotBeReadIsAnError) {
    const auto options = cmd::parse({"watch", "--config", "x.toml"}, [](const std::string& path) {
        return Result<std::string>(fail_errno("open", path, ENOENT));
    });
    ASSERT_FALSE(options);
    EXPECT_EQ(options.error().text, "flowstamp: x.toml: open: no such file or directory\n");
}

TEST(Reload, AppliesWhatNeedsNoNewAttachment) {
    const WatchOptions running = parsed(
        "interface = \"eth0\"\nlog = \"a\"\nfilter = \"port 1\"\nquiet = true\nmax-flows = 4096\n");
    const auto its = cmd::change(
        running, parsed("interface = [\"eth0\", \"eth1\"]\nlog = \"b\"\nfilter = \"port 2\"\n"
                        "verbose = true\nmax-flows = 4096\nhook = \"tc\"\n"));
    EXPECT_THAT(its.applied, ElementsAre("filter", "log", "quiet", "verbose"));
    EXPECT_THAT(its.deferred, ElementsAre("hook", "interface"));
    EXPECT_EQ(its.options.log, "b");
    EXPECT_EQ(its.options.filter, "port 2");
    EXPECT_FALSE(its.options.quiet);
    EXPECT_EQ(its.options.verbosity, 1);
    EXPECT_THAT(its.options.interfaces, ElementsAre("eth0"));
    EXPECT_EQ(its.options.hook, kernel::IngressChoice::automatic);
}

TEST(Reload, SaysAgainWhatStillNeedsARestart) {
    const WatchOptions running = parsed("interface = \"eth0\"\n");
    const WatchOptions wanted = parsed("interface = \"eth0\"\nhook = \"tc\"\nquiet = true\n");
    const auto first = cmd::change(running, wanted);
    EXPECT_THAT(first.applied, ElementsAre("quiet"));
    const auto second = cmd::change(first.options, wanted);
    EXPECT_THAT(second.applied, IsEmpty());
    EXPECT_THAT(second.deferred, ElementsAre("hook"));
    EXPECT_THAT(cmd::change(first.options, running).deferred, IsEmpty()) << "taken back";
}

TEST(Reload, LeavesAloneWhatCannotBeChangedOnTheWay) {
    const WatchOptions running = parsed("interface = \"eth0\"\n");
    EXPECT_THAT(cmd::change(running, parsed("interface = \"eth0\"\nlog = \"a\"\n")).deferred,
                ElementsAre("log"))
        << "standard output would end";
    const std::string with_stamps = "interface = \"eth0\"\nstamps = \"x.pcapng\"\n";
    EXPECT_THAT(
        cmd::change(parsed(with_stamps), parsed(with_stamps + "filter = \"port 1\"\n")).deferred,
        ElementsAre("filter"))
        << "stamps are filtered, too";
    EXPECT_THAT(cmd::change(running, running).deferred, IsEmpty());
}

TEST(Reload, WhatTheCommandLineSaysIsNoChange) {
    const Words words{"--hook", "tc"};
    const auto its = cmd::change(parsed("interface = \"eth0\"\nhook = \"xdp\"\n", words),
                                 parsed("interface = \"eth0\"\nhook = \"auto\"\n", words));
    EXPECT_THAT(its.applied, IsEmpty());
    EXPECT_THAT(its.deferred, IsEmpty());
}

}  // namespace
}  // namespace flowstamp
