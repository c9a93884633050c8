// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "packaging/generate/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

namespace flowstamp::packaging {

namespace {

/// What an option takes: the words, if they are few, or a name for it.
std::string value_of(const cmd::OptionDescription& option) {
    return option.type == "WORD" ? fmt::format("{}", fmt::join(option.choices, "|")) : option.type;
}

/// A value as it stands in TOML; a placeholder where no word is as good as any.
std::string sample_of(const cmd::OptionDescription& option) {
    if (option.type.empty()) {
        return "true";
    }
    if (option.type == "N") {
        return "65536";
    }
    std::string text = option.type == "TIME" ? "10s" : option.type == "SIZE" ? "64M" : option.type;
    if (!option.choices.empty()) {
        text = option.choices.front();
    }
    return option.is_repeatable ? fmt::format("[\"{}\"]", text) : fmt::format("\"{}\"", text);
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string result;
    for (const char letter : text) {
        if (letter == '*' || letter == '_' || letter == '\\') {
            result += '\\';
        }
        result += letter;
    }
    return result;
}

std::string options_section(const cmd::CommandDescription& command) {
    std::string text;
    bool has_rare = false;
    for (const cmd::OptionDescription& option : command.options) {
        has_rare = has_rare || option.is_rare;
        std::string head;
        if (option.is_positional) {
            head = fmt::format("_{}_{}", option.name, option.is_repeatable ? "..." : "");
        } else {
            head = fmt::format("*{}{}*", option.letter.empty() ? "" : option.letter + "*, *",
                               escaped(option.name));
            head += option.type.empty() ? "" : fmt::format(" _{}_", escaped(value_of(option)));
        }
        text += fmt::format("{}\n\t{}.\n", head, escaped(option.help));
        if (option.type == "KIND") {
            text += fmt::format("\n\tThe kinds: {}.\n",
                                escaped(fmt::format("{}", fmt::join(option.choices, ", "))));
        }
        text += "\n";
    }
    return text + "*-h*, *--help*\n\tPrint a summary of these options.\n" +
           (has_rare ? "\n*--help-all*\n\tThe same, with those that few need.\n" : "");
}

std::string settings_comments(const cmd::CommandDescription& command, const std::string& text) {
    std::string comments;
    for (const cmd::OptionDescription& option : command.options) {
        const std::string key = option.key();
        const bool is_there = text.contains(fmt::format("\n{} = ", key)) ||
                              text.contains(fmt::format("\n#{} = ", key));
        if (is_there || key == "config") {
            continue;
        }
        comments += fmt::format("\n# {}\n#{} = {}\n", option.help, key, sample_of(option));
    }
    return comments;
}

}  // namespace flowstamp::packaging
