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

#include "user/cmd/nearest.h"

namespace flowstamp::cmd {

namespace {

template <class... Each>
constexpr std::array<std::string_view, sizeof...(Each)> names_of(
    std::type_identity<std::variant<Each...>>) {
    return {Each::kCommand...};
}

constexpr auto kCommands = names_of(std::type_identity<Options>());
/// What may stand before, or without, a command.
constexpr std::array<std::string_view, 3> kOwnOptions = {"-h", "--help", "--version"};

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

/// Declares the options of every command, and returns those of the chosen one.
template <class... Each>
std::expected<Options, Usage> parse(const std::vector<std::string>& arguments,
                                    std::type_identity<std::variant<Each...>>) {
    std::tuple<Each...> all;
    CommandLine line("Stamps every packet of every TCP flow, and says which resets are forged.",
                     "flowstamp " FLOWSTAMP_VERSION);
    (add_command(line, std::get<Each>(all)), ...);
    if (auto usage = line.parse(arguments)) {
        return std::unexpected(*std::move(usage));
    }
    std::expected<Options, Usage> chosen;
    ((line.has_chosen(Each::kCommand) ? void(chosen = checked(std::get<Each>(all))) : void()), ...);
    return chosen;
}

}  // namespace

std::expected<Options, Usage> parse(const std::vector<std::string>& arguments) {
    const std::string all = fmt::format("{}", fmt::join(kCommands, ", "));
    if (arguments.empty()) {
        return refuse(fmt::format("no command given; choose {}; see flowstamp --help", all));
    }
    const std::string& first = arguments.front();
    if (first.starts_with('-') && std::ranges::find(kOwnOptions, first) == kOwnOptions.end()) {
        return refuse(
            fmt::format("'{}' is no option before a command: choose {} first; see flowstamp "
                        "--help",
                        first, all));
    }
    if (!first.starts_with('-') && std::ranges::find(kCommands, first) == kCommands.end()) {
        const auto meant = nearest(first, kCommands);
        return refuse(fmt::format("'{}' is no command; {} flowstamp --help", first,
                                  meant ? fmt::format("did you mean '{}'? See", *meant)
                                        : fmt::format("choose {}; see", all)));
    }
    return parse(arguments, std::type_identity<Options>());
}

}  // namespace flowstamp::cmd
