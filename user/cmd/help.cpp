// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "user/base/wrap.h"

namespace flowstamp::cmd {

namespace {

constexpr std::size_t kColumns = 80;

/// A name and what it means, in two columns.
struct Row {
    std::string name;
    std::string help;
};

std::string table(const std::vector<Row>& rows) {
    std::size_t width = 0;
    for (const Row& row : rows) {
        width = std::max(width, row.name.size());
    }
    std::string text;
    for (const Row& row : rows) {
        const std::string first = fmt::format("  {:<{}}  ", row.name, width);
        text += wrap(row.help, first, std::string(first.size(), ' '), kColumns);
    }
    return text;
}

/// "-i, --interface IFACE"; without a letter the dashes stand below the others'.
std::string name_text(const OptionDescription& option) {
    if (option.is_positional) {
        return option.name;
    }
    std::string text = option.name;
    if (!option.letter.empty()) {
        text = option.letter + ", " + text;
    } else if (text.starts_with("--")) {
        text = "    " + text;
    }
    return option.type.empty() ? text : text + " " + option.type;
}

std::string usage(const CommandDescription& command) {
    std::string text = fmt::format("Usage: flowstamp {} [OPTION]...", command.name);
    for (const OptionDescription& option : command.options) {
        if (option.is_positional) {
            text += fmt::format(" [{}]{}", option.name, option.is_repeatable ? "..." : "");
        }
    }
    return text + "\n";
}

}  // namespace

/// For more there is no room on a screen; each command's own help has one.
constexpr std::size_t kExamples = 7;

std::string overview(const std::string& what_it_is,
                     const std::deque<CommandDescription>& commands) {
    std::vector<Row> rows;
    rows.reserve(commands.size());
    for (const CommandDescription& command : commands) {
        rows.push_back({command.name, command.help});
    }
    std::string text = fmt::format("Usage: flowstamp COMMAND [OPTION]...\n{}\n\n", what_it_is);
    text += table(rows);
    text += "\nExamples:\n";
    for (const CommandDescription& command : commands | std::views::take(kExamples)) {
        text += fmt::format("  {}\n", command.example);
    }
    return text + "\n`flowstamp COMMAND --help` lists its options; -V, --version: the version.\n";
}

std::string command_help(const CommandDescription& command, HelpForm form) {
    std::vector<Row> rows;
    rows.reserve(command.options.size() + 1);
    bool is_all = true;
    for (const OptionDescription& option : command.options) {
        if (form == HelpForm::whole || !option.is_rare) {
            rows.push_back({name_text(option), option.help});
        } else {
            is_all = false;
        }
    }
    rows.push_back(
        {"-h, --help", is_all ? "This summary" : "This summary; --help-all: every option"});
    return fmt::format("{}{}.\n\n{}\nExample: {}\n", usage(command), command.help, table(rows),
                       command.example);
}

}  // namespace flowstamp::cmd
