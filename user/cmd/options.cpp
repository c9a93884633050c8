// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "user/base/nearest.h"
#include "user/cmd/config_file.h"
#include "user/cmd/version.h"

namespace flowstamp::cmd {

namespace {

template <class... Each>
constexpr std::array<std::string_view, sizeof...(Each)> names_of(
    std::type_identity<std::variant<Each...>>) {
    return {Each::kCommand...};
}

constexpr auto kCommands = names_of(std::type_identity<Options>());
/// What may stand before, or without, a command.
constexpr std::array<std::string_view, 5> kOwnOptions = {"-h", "--help", "--help-all", "-V",
                                                         "--version"};
/// Words that many programs take for these options.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kWords = {
    {{"help", "--help"}, {"version", "--version"}}};
/// Letters without a command, as tcpdump takes them, and the command that they ask for.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kHabits = {
    {{"-i", "watch"}, {"-r", "replay"}}};

std::unexpected<Usage> refuse(const std::string& line) {
    return std::unexpected(usage_error(line));
}

template <class Its>
std::expected<Options, Usage> checked(Its& options) {
    if constexpr (requires { objection(options); }) {
        if (const std::string line = objection(options); !line.empty()) {
            return refuse(fmt::format("{}: {}", Its::kCommand, line));
        }
    }
    return std::move(options);
}

/// The options of every command, and the command line that sets them.
template <class... Each>
struct AllOptions {
    explicit AllOptions(std::type_identity<std::variant<Each...>>) {
        (add_command(line, std::get<Each>(values)), ...);
    }
    std::expected<Options, Usage> chosen() {
        std::expected<Options, Usage> options;
        ((line.has_chosen(Each::kCommand) ? void(options = checked(std::get<Each>(values)))
                                          : void()),
         ...);
        return options;
    }

    std::tuple<Each...> values;
    CommandLine line{"Stamps every packet of every TCP flow, and says which resets are forged.",
                     version_text()};
};

constexpr std::type_identity<Options> kEvery;

/// What the file says, and then the command line, which has been parsed once to find the file.
std::expected<Options, Usage> parse_with_config(const std::vector<std::string>& arguments,
                                                const std::string& path, const ReadText& read) {
    const std::string command(WatchOptions::kCommand);
    const auto text = read(path);
    const auto settings = text ? parse_config(*text, path) : std::unexpected<Error>(text.error());
    if (!settings) {
        return refuse(settings.error().message());
    }
    AllOptions all(kEvery);
    const CommandDescription& description = all.line.description(command);
    for (const Setting& setting : *settings) {
        const auto words = words_of(setting, description);
        const std::string wrong = words ? all.line.set(command, *words) : words.error().reason;
        if (!wrong.empty()) {
            return refuse(fmt::format("{}:{}: {}", path, setting.line, wrong));
        }
    }
    if (auto usage = all.line.parse(arguments)) {
        return std::unexpected(*std::move(usage));
    }
    auto& watch = std::get<WatchOptions>(all.values);
    watch.arguments = arguments;
    for (const Setting& setting : *settings) {
        const auto option =
            std::ranges::find(description.options, setting.key, &OptionDescription::key);
        if (!all.line.was_given(command, *option)) {
            watch.settings[setting.key] = setting.values;
        }
    }
    return all.chosen();
}

}  // namespace

std::vector<CommandDescription> describe_commands() {
    const AllOptions all(kEvery);
    return {all.line.descriptions().begin(), all.line.descriptions().end()};
}

std::expected<Options, Usage> parse(const std::vector<std::string>& arguments,
                                    const ReadText& read) {
    const std::string commands = fmt::format("{}", fmt::join(kCommands, ", "));
    if (arguments.empty()) {
        return refuse(fmt::format("no command given; choose {}; see flowstamp --help", commands));
    }
    const std::string& first = arguments.front();
    const auto word = std::ranges::find(kWords, std::string_view(first),
                                        &std::pair<std::string_view, std::string_view>::first);
    if (word != kWords.end()) {
        std::vector<std::string> options(arguments.begin() + 1, arguments.end());
        options.emplace_back(word->second);
        return parse(options, read);
    }
    const auto habit = std::ranges::find(kHabits, first.substr(0, 2),
                                         &std::pair<std::string_view, std::string_view>::first);
    if (habit != kHabits.end()) {
        return refuse(fmt::format("{0} goes with a command; did you mean `flowstamp {1} {0} ...`?",
                                  habit->first, habit->second));
    }
    if (first.starts_with('-') && std::ranges::find(kOwnOptions, first) == kOwnOptions.end()) {
        return refuse(
            fmt::format("'{}' is no option before a command: choose {} first; see flowstamp "
                        "--help",
                        first, commands));
    }
    if (!first.starts_with('-') && std::ranges::find(kCommands, first) == kCommands.end()) {
        const auto meant = nearest(first, kCommands);
        return refuse(fmt::format("'{}' is no command; {} flowstamp --help", first,
                                  meant ? fmt::format("did you mean '{}'? See", *meant)
                                        : fmt::format("choose {}; see", commands)));
    }
    AllOptions all(kEvery);
    if (auto usage = all.line.parse(arguments)) {
        return std::unexpected(*std::move(usage));
    }
    const auto& config = std::get<WatchOptions>(all.values).config;
    return config ? parse_with_config(arguments, *config, read) : all.chosen();
}

}  // namespace flowstamp::cmd
