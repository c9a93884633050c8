// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// --help on a terminal of 80 columns and 24 rows.
#include "user/cmd/help.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "user/cmd/options.h"

namespace flowstamp {
namespace {

constexpr std::ptrdiff_t kRows = 24;
constexpr std::size_t kColumns = 80;

std::string help_of(const std::vector<std::string>& words) {
    const auto usage = cmd::parse(words);
    return usage ? "" : usage.error().text;
}

std::size_t widest(const std::string& text) {
    std::istringstream lines(text);
    std::size_t most = 0;
    for (std::string line; std::getline(lines, line);) {
        most = std::max(most, line.size());
    }
    return most;
}

TEST(Help, FitsAScreen) {
    const std::string all = help_of({"--help"});
    EXPECT_LT(std::ranges::count(all, '\n'), kRows) << all;
    EXPECT_LE(widest(all), kColumns) << all;
    for (const cmd::CommandDescription& command : cmd::describe_commands()) {
        const std::string help = help_of({command.name, "--help"});
        EXPECT_LE(widest(help), kColumns) << help;
        // One line an option, three before them, one of --help, two with the example.
        const std::ptrdiff_t options =
            std::ranges::count(command.options, false, &cmd::OptionDescription::is_rare);
        EXPECT_EQ(std::ranges::count(help, '\n'), options + 6) << help;
        EXPECT_LT(options + 6, kRows) << help;
    }
}

TEST(Help, ListsEveryOptionIfAskedTo) {
    for (const cmd::CommandDescription& command : cmd::describe_commands()) {
        const std::string all = help_of({command.name, "--help-all"});
        for (const cmd::OptionDescription& option : command.options) {
            EXPECT_NE(all.find(" " + option.name + " "), std::string::npos) << option.name;
        }
        EXPECT_LE(widest(all), kColumns) << all;
    }
    EXPECT_NE(help_of({"watch", "--help"}).find("--help-all"), std::string::npos);
    EXPECT_EQ(help_of({"watch", "--help"}).find("--max-flows"), std::string::npos);
    EXPECT_EQ(help_of({"flows", "--help"}).find("--help-all"), std::string::npos);
    EXPECT_EQ(help_of({"--help-all"}), help_of({"--help"}));
}

TEST(Help, HasAnExampleThatTheCommandTakes) {
    for (const cmd::CommandDescription& command : cmd::describe_commands()) {
        const std::string help = help_of({command.name, "--help"});
        EXPECT_NE(help.find("\nExample: " + command.example + "\n"), std::string::npos) << help;
        std::istringstream words(command.example);
        std::vector<std::string> arguments;
        for (std::string word; words >> word;) {
            std::erase(word, '\'');
            arguments.push_back(word);
        }
        ASSERT_EQ(arguments.at(0), "flowstamp");
        arguments.erase(arguments.begin());
        EXPECT_EQ(arguments.at(0), command.name);
        const auto parsed = cmd::parse(arguments);
        EXPECT_TRUE(parsed) << parsed.error().text;
    }
}

}  // namespace
}  // namespace flowstamp
