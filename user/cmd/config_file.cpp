// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/config_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "user/base/nearest.h"

namespace flowstamp::cmd {

namespace {

/// The option that names the file.
constexpr std::string_view kConfig = "config";

std::optional<std::string> text_of(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>()) {
        return *text;
    }
    if (const auto number = node.value_exact<std::int64_t>()) {
        return std::to_string(*number);
    }
    if (const auto truth = node.value_exact<bool>()) {
        return *truth ? "true" : "false";
    }
    return std::nullopt;
}

std::unexpected<Error> fail_at(const std::string& path, std::uint32_t line, std::string reason) {
    return fail({.object = fmt::format("{}:{}", path, line), .reason = std::move(reason)});
}

/// The strings of `node`, alone or in an array; none if it is anything else.
std::optional<std::vector<std::string>> values_of(const toml::node& node) {
    std::vector<std::string> values;
    const auto add = [&values](const toml::node& value) {
        const auto text = text_of(value);
        if (text) {
            values.push_back(*text);
        }
        return text.has_value();
    };
    const toml::array* array = node.as_array();
    const bool are_all = array == nullptr ? add(node) : std::ranges::all_of(*array, add);
    return are_all ? std::optional(std::move(values)) : std::nullopt;
}

std::string unknown(const Setting& setting, const CommandDescription& command) {
    std::vector<std::string> keys;
    for (const OptionDescription& option : command.options) {
        keys.push_back(option.key());
    }
    const std::vector<std::string_view> words(keys.begin(), keys.end());
    const auto meant = nearest(setting.key, words);
    return fmt::format("'{}' is no option of {}; {} flowstamp {} --help", setting.key, command.name,
                       meant ? fmt::format("did you mean '{}'? See", *meant) : "see", command.name);
}

}  // namespace

Result<std::vector<Setting>> parse_config(std::string_view text, const std::string& path) {
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        return fail_at(path, parsed.error().source().begin.line,
                       std::string(parsed.error().description()));
    }
    std::vector<Setting> settings;
    for (const auto& [key, node] : parsed.table()) {
        const std::uint32_t line = key.source().begin.line;
        auto values = values_of(node);
        if (!values) {
            return fail_at(path, line,
                           fmt::format("{}: not text in quotes, a whole number, true or false, or "
                                       "an array of these",
                                       key.str()));
        }
        settings.push_back({.key = std::string(key.str()),
                            .line = line,
                            .values = *std::move(values),
                            .is_flag = node.is_boolean()});
    }
    std::ranges::stable_sort(settings, {}, &Setting::line);
    return settings;
}

Result<std::vector<std::string>> words_of(const Setting& setting,
                                          const CommandDescription& command) {
    const auto option = std::ranges::find(command.options, setting.key, &OptionDescription::key);
    if (option == command.options.end()) {
        return fail({.reason = unknown(setting, command)});
    }
    if (setting.key == kConfig) {
        return fail({.reason = "config: such a file cannot name another one"});
    }
    std::vector<std::string> words;
    if (option->type.empty()) {
        if (!setting.is_flag) {
            return fail({.reason = fmt::format("{}: true or false, without quotes", setting.key)});
        }
        if (setting.values.front() == "true") {
            words.push_back(option->name);
        }
        return words;
    }
    if (setting.is_flag || setting.values.empty() ||
        (setting.values.size() > 1 && !option->is_repeatable)) {
        return fail({.reason = fmt::format("{}: wants {}{}", setting.key, option->type,
                                           option->is_repeatable ? ", or an array of them" : "")});
    }
    for (const std::string& value : setting.values) {
        words.push_back(option->is_positional ? value : option->name + "=" + value);
    }
    if (option->is_positional) {
        words.insert(words.begin(), "--");
    }
    return words;
}

}  // namespace flowstamp::cmd
