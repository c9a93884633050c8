// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "packaging/generate/completion.h"

namespace flowstamp::packaging {

namespace {

/// Inside '...' of _arguments: what ends the quotes, a help text or a specification is escaped.
std::string escaped(const std::string& text) {
    std::string result;
    for (const char letter : text) {
        if (letter == '\'') {
            result += "'\\''";
            continue;
        }
        if (letter == '[' || letter == ']' || letter == ':') {
            result += '\\';
        }
        result += letter;
    }
    return result;
}

/// ":FILE:_files"; empty for a flag.
std::string value_of(const cmd::OptionDescription& option) {
    if (option.type.empty()) {
        return "";
    }
    std::string action;
    if (!option.choices.empty()) {
        action = fmt::format("({})", fmt::join(option.choices, " "));
    } else if (option.type == "IFACE") {
        action = "_net_interfaces";
    } else if (option.type == "DIR") {
        action = "_files -/";
    } else if (option.type == "FILE" || option.type == "CAPTURE") {
        action = "_files";
    }
    return fmt::format(":{}:{}", option.type, action);
}

std::string argument_of(const cmd::OptionDescription& option) {
    if (option.is_positional) {
        return fmt::format("'*{}'", value_of(option));
    }
    const std::string what = fmt::format("[{}]{}", escaped(option.help), value_of(option));
    if (option.letter.empty()) {
        return fmt::format("'{}{}{}'", option.is_repeatable ? "*" : "", option.name, what);
    }
    return fmt::format(
        "'{}'{{{},{}}}'{}'",
        option.is_repeatable ? "*" : fmt::format("({} {})", option.letter, option.name),
        option.letter, option.name, what);
}

}  // namespace

std::string zsh_completion(const Commands& commands) {
    std::string names;
    std::string cases;
    for (const cmd::CommandDescription& command : commands) {
        names += fmt::format("        '{}:{}'\n", command.name, escaped(command.help));
        cases += fmt::format("        {})\n            _arguments", command.name);
        for (const cmd::OptionDescription& option : command.options) {
            cases += fmt::format(" \\\n                {}", argument_of(option));
        }
        cases += " ;;\n";
    }
    return fmt::format(R"(#compdef flowstamp

_flowstamp() {{
    local state
    local -a commands=(
{}    )
    _arguments -C '1:command:->command' '*::argument:->argument' && return
    case $state in
    command)
        _describe command commands ;;
    argument)
        case $words[1] in
{}        esac ;;
    esac
}}

_flowstamp "$@"
)",
                       names, cases);
}

}  // namespace flowstamp::packaging
