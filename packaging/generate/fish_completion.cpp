// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "packaging/generate/completion.h"

namespace flowstamp::packaging {

namespace {

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char letter : text) {
        if (letter == '\'' || letter == '\\') {
            result += '\\';
        }
        result += letter;
    }
    return result + "'";
}

/// What completes an option's value.
std::string value_of(const cmd::OptionDescription& option) {
    if (option.type.empty()) {
        return "";
    }
    if (!option.choices.empty()) {
        return fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
    }
    if (option.type == "IFACE") {
        return " -x -a '(__fish_print_interfaces)'";
    }
    return option.type == "FILE" || option.type == "DIR" ? " -r -F" : " -x";
}

}  // namespace

std::string fish_completion(const Commands& commands) {
    std::string text =
        "# fish completion for flowstamp\n\n"
        "complete -c flowstamp -f\n"
        "complete -c flowstamp -l help -s h -d 'Print the help'\n"
        "complete -c flowstamp -n __fish_use_subcommand -l version -d 'Print the version'\n";
    for (const cmd::CommandDescription& command : commands) {
        text += fmt::format("complete -c flowstamp -n __fish_use_subcommand -a {} -d {}\n",
                            command.name, quoted(command.help));
    }
    for (const cmd::CommandDescription& command : commands) {
        const std::string begin =
            fmt::format("complete -c flowstamp -n '__fish_seen_subcommand_from {}'", command.name);
        for (const cmd::OptionDescription& option : command.options) {
            if (option.is_positional) {
                text += option.type == "CAPTURE" ? begin + " -F\n" : "";
                continue;
            }
            text += fmt::format(
                "{} -l {}{}{} -d {}\n", begin, option.key(),
                option.letter.empty() ? "" : fmt::format(" -s {}", option.letter.substr(1)),
                value_of(option), quoted(option.help));
        }
    }
    return text;
}

}  // namespace flowstamp::packaging
