// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The command line as data, from which manual, completion and configuration file are made.
#include "user/cmd/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "user/cmd/options.h"

namespace flowstamp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

cmd::OptionDescription described(const std::string& command, const std::string& name) {
    for (const cmd::CommandDescription& its : cmd::describe_commands()) {
        const auto option = std::ranges::find(its.options, name, &cmd::OptionDescription::name);
        if (its.name == command && option != its.options.end()) {
            return *option;
        }
    }
    ADD_FAILURE() << command << " has no " << name;
    return {};
}

TEST(Description, HasEveryCommandInTheOrderOfTheHelp) {
    std::vector<std::string> names;
    for (const cmd::CommandDescription& command : cmd::describe_commands()) {
        EXPECT_FALSE(command.help.empty()) << command.name;
        for (const cmd::OptionDescription& option : command.options) {
            EXPECT_FALSE(option.help.empty()) << option.name;
        }
        names.push_back(command.name);
    }
    EXPECT_THAT(names, ElementsAre("watch", "replay", "report", "compare", "flows", "locate",
                                   "path", "demo", "doctor"));
}

TEST(Description, TellsWhatAnOptionTakes) {
    const cmd::OptionDescription interface = described("watch", "--interface");
    EXPECT_EQ(interface.letter, "-i");
    EXPECT_EQ(interface.type, "IFACE");
    EXPECT_TRUE(interface.is_repeatable);
    EXPECT_EQ(interface.key(), "interface");
    EXPECT_THAT(described("watch", "--drop").choices, ElementsAre("off", "confirmed", "suspected"));
    EXPECT_EQ(described("watch", "--json").type, "") << "a flag";
    const cmd::OptionDescription filter = described("watch", "FILTER");
    EXPECT_TRUE(filter.is_positional);
    EXPECT_EQ(filter.key(), "filter");
    EXPECT_THAT(described("watch", "--max-flows").choices, IsEmpty());
    EXPECT_EQ(described("replay", "--fail-on").choices.front(), "any");
}

TEST(Description, KeepsHiddenOptionsHidden) {
    for (const cmd::CommandDescription& command : cmd::describe_commands()) {
        for (const cmd::OptionDescription& option : command.options) {
            EXPECT_NE(option.name, "--taught");
        }
    }
}

}  // namespace
}  // namespace flowstamp
