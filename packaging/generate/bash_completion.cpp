// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "packaging/generate/completion.h"

namespace flowstamp::packaging {

namespace {

/// What completes an option's value; empty: nothing does.
std::string completion_of(const cmd::OptionDescription& option) {
    if (!option.choices.empty()) {
        return fmt::format("words='{}'", fmt::join(option.choices, " "));
    }
    if (option.type == "IFACE") {
        return "words=$(ls /sys/class/net)";
    }
    return option.type == "FILE" || option.type == "DIR" || option.type == "CAPTURE" ? "files=1"
                                                                                     : "";
}

/// The part of a `case` that completes what follows this option.
std::string value_case(const std::string& command, const cmd::OptionDescription& option) {
    if (option.type.empty() || option.is_positional) {
        return "";
    }
    const std::string letter =
        option.letter.empty() ? "" : fmt::format(" | {}:{}", command, option.letter);
    return fmt::format("        {}:{}{}) {}{}return_words=1 ;;\n", command, option.name, letter,
                       completion_of(option), completion_of(option).empty() ? "" : " ");
}

/// The part of a `case` that completes a word on its own.
std::string word_case(const cmd::CommandDescription& command) {
    std::string names;
    std::string files;
    for (const cmd::OptionDescription& option : command.options) {
        if (!option.is_positional) {
            names += option.name + " ";
        } else if (option.type == "CAPTURE") {
            files = " files=1";
        }
    }
    return fmt::format("            {}) words='{}--help'{} ;;\n", command.name, names, files);
}

}  // namespace

std::string bash_completion(const Commands& commands) {
    std::string names;
    std::string values;
    std::string words;
    for (const cmd::CommandDescription& command : commands) {
        names += command.name + " ";
        words += word_case(command);
        for (const cmd::OptionDescription& option : command.options) {
            values += value_case(command.name, option);
        }
    }
    return fmt::format(R"(# bash completion for flowstamp

_flowstamp() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} words='' files='' return_words=''
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W '{}--help --version' -- "$current")
        return
    fi
    case $command:${{COMP_WORDS[COMP_CWORD - 1]}} in
{}    esac
    if [ -z "$return_words" ]; then
        case $command in
{}        esac
    fi
    mapfile -t COMPREPLY < <(compgen ${{words:+-W "$words"}} ${{files:+-f}} -- "$current")
    if [ -n "$files" ]; then
        compopt -o filenames 2>/dev/null
    fi
}}

complete -F _flowstamp flowstamp
)",
                       names, values, words);
}

}  // namespace flowstamp::packaging
