// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "user/base/console.h"

namespace flowstamp::cmd {

namespace {

constexpr int kUsageError = 2;

void accept(const std::string& objection) {
    if (!objection.empty()) {
        throw CLI::ValidationError(objection);
    }
}

/// CLI11's error message as one line, with what to do.
std::string error_line(const CLI::ParseError& error, const CLI::App& app) {
    std::string line = error.what();
    std::ranges::replace(line, '\n', ' ');
    for (const CLI::App* command : app.get_subcommands()) {
        return fmt::format("{}: {}; see flowstamp {} --help", command->get_name(), line,
                           command->get_name());
    }
    return line + "; see flowstamp --help";
}

void take_one_each_time(CLI::Option& option, const std::string& type) {
    option.type_name(type)->expected(1)->take_all()->allow_extra_args(false);
}

}  // namespace

void Command::flag(const std::string& names, bool& value, const std::string& help) {
    command_->add_flag(names, value, help);
}

void Command::flag(const std::string& names, int& times, const std::string& help) {
    command_->add_flag(names, times, help);
}

void Command::off_flag(const std::string& names, bool& value, const std::string& help) {
    command_->add_flag_callback(names, [&value] { value = false; }, help);
}

void Command::hidden_flag(const std::string& names, bool& value) {
    command_->add_flag(names, value)->group("");
}

void Command::option(const std::string& names, const std::string& type,
                     std::optional<std::string>& value, const std::string& help) {
    command_->add_option(names, value, help)->type_name(type);
}

void Command::option(const std::string& names, const std::string& type, const Reader& reader,
                     const std::string& help) {
    command_
        ->add_option_function<std::string>(
            names, [reader](const std::string& value) { accept(reader(value)); }, help)
        ->type_name(type);
}

void Command::repeatable(const std::string& names, const std::string& type,
                         std::vector<std::string>& values, const std::string& help) {
    take_one_each_time(*command_->add_option(names, values, help), type);
}

void Command::repeatable(const std::string& names, const std::string& type, const Reader& reader,
                         const std::string& help) {
    const auto read = [reader](const std::vector<std::string>& values) {
        for (const std::string& value : values) {
            accept(reader(value));
        }
    };
    take_one_each_time(*command_->add_option_function<std::vector<std::string>>(names, read, help),
                       type);
}

void Command::words(const std::string& name, std::vector<std::string>& values,
                    const std::string& help) {
    command_->add_option(name, values, help)->type_name("");
}

void Command::text(const std::string& name, std::string& value, const std::string& help) {
    const auto join = [&value](const std::vector<std::string>& words) {
        value = fmt::format("{}", fmt::join(words, " "));
    };
    command_->add_option_function<std::vector<std::string>>(name, join, help)->type_name("");
}

CommandLine::CommandLine(const std::string& what_it_is, const std::string& version)
    : app_(std::make_unique<CLI::App>(what_it_is, "flowstamp")) {
    app_->set_version_flag("--version", version);
    app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Command CommandLine::command(std::string_view name, const std::string& help) {
    return Command(*app_->add_subcommand(std::string(name), help));
}

std::optional<Usage> CommandLine::parse(const std::vector<std::string>& arguments) {
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        app_->parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return Usage{0, app_->help()};
    } catch (const CLI::CallForVersion& version) {
        return Usage{0, version.what() + std::string("\n")};
    } catch (const CLI::ValidationError& error) {
        return usage_error(error.what());
    } catch (const CLI::ParseError& error) {
        return usage_error(error_line(error, *app_));
    }
    return std::nullopt;
}

bool CommandLine::has_chosen(std::string_view command) const {
    return app_->got_subcommand(std::string(command));
}

Usage usage_error(const std::string& line) {
    return {kUsageError, console_line(line)};
}

}  // namespace flowstamp::cmd
