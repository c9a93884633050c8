// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <utility>

#include "user/base/console.h"
#include "user/base/nearest.h"
#include "user/cmd/help.h"

namespace flowstamp::cmd {

namespace {

constexpr int kUsageError = 2;

void accept(const std::string& objection) {
    if (!objection.empty()) {
        throw CLI::ValidationError(objection);
    }
}

/// CLI11's message as one line; of an option's values in our words.
std::string one_line(const CLI::ParseError& error) {
    std::string line = error.what();
    std::ranges::replace(line, '\n', ' ');
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ArgumentMismatch)) {
        const std::string option = line.substr(0, line.find(':'));
        if (line.ends_with(" missing")) {
            return option + " needs a value";
        }
        if (line.contains("At Most 1 ")) {
            return option + " is given more than once";
        }
    }
    return line;
}

/// The first word that looks like an option and is none: "--jsn" of "--jsn=true". Empty if there is
/// no such word.
std::string unknown_option(const CLI::App& command) {
    for (const std::string& word : command.remaining()) {
        if (word.size() > 1 && word.starts_with('-')) {
            return word.substr(0, word.find('='));
        }
    }
    return "";
}

/// The option that was probably meant, also by "-json". One letter says too little.
std::optional<std::string> nearest_option(const std::string& word,
                                          const CommandDescription& command) {
    constexpr std::size_t kLetter = 2;
    std::vector<std::string_view> names{"--help", "--help-all"};
    for (const OptionDescription& option : command.options) {
        if (option.name.starts_with("--")) {
            names.push_back(option.name);
        }
    }
    const auto meant = word.size() > kLetter ? nearest(word, names) : std::nullopt;
    return meant ? std::optional<std::string>(*meant) : std::nullopt;
}

void take_one_each_time(CLI::Option& option, const std::string& type) {
    option.type_name(type)->expected(1)->take_all()->allow_extra_args(false);
}

void add_option(CLI::App& command, const std::string& names, const std::string& type,
                const Command::Reader& reader, const std::string& help) {
    command
        .add_option_function<std::string>(
            names, [reader](const std::string& value) { accept(reader(value)); }, help)
        ->type_name(type);
}

}  // namespace

void Command::describe(const std::string& names, OptionDescription option) {
    const std::size_t comma = names.find(',');
    option.name = comma == std::string::npos ? names : names.substr(comma + 1);
    option.letter = comma == std::string::npos ? "" : names.substr(0, comma);
    option.is_rare = is_rare_;
    description_->options.push_back(std::move(option));
}

void Command::flag(const std::string& names, bool& value, const std::string& help) {
    command_->add_flag(names, value, help);
    describe(names, {.help = help});
}

void Command::flag(const std::string& names, int& times, const std::string& help) {
    command_->add_flag(names, times, help);
    describe(names, {.help = help, .is_repeatable = true});
}

void Command::off_flag(const std::string& names, bool& value, const std::string& help) {
    command_->add_flag_function(names, [&value](std::int64_t times) { value = times <= 0; }, help);
    describe(names, {.help = help});
}

void Command::hidden_flag(const std::string& names, bool& value) {
    command_->add_flag(names, value)->group("");
}

void Command::accepted_flag(const std::string& names) {
    command_->add_flag(names)->group("");
}

void Command::refused_option(const std::string& names, const Reader& reader) {
    add_option(*command_, names, "", reader, "");
    command_->get_option(names.substr(0, names.find(',')))->group("");
}

void Command::option(const std::string& names, const std::string& type,
                     std::optional<std::string>& value, const std::string& help) {
    command_->add_option(names, value, help)->type_name(type);
    describe(names, {.type = type, .help = help});
}

void Command::option(const std::string& names, const std::string& type, const Reader& reader,
                     const std::string& help) {
    add_option(*command_, names, type, reader, help);
    describe(names, {.type = type, .help = help});
}

void Command::choice(const std::string& names, const std::vector<std::string>& words,
                     const Reader& reader, const std::string& help) {
    add_option(*command_, names, "WORD", reader, help);
    describe(names, {.type = "WORD", .choices = words, .help = help});
}

void Command::repeatable(const std::string& names, const std::string& type,
                         std::vector<std::string>& values, const std::string& help) {
    take_one_each_time(*command_->add_option(names, values, help), type);
    describe(names, {.type = type, .help = help, .is_repeatable = true});
}

void Command::repeatable(const std::string& names, const std::string& type,
                         const std::vector<std::string>& words, const Reader& reader,
                         const std::string& help) {
    const auto read = [reader](const std::vector<std::string>& values) {
        for (const std::string& value : values) {
            accept(reader(value));
        }
    };
    take_one_each_time(*command_->add_option_function<std::vector<std::string>>(names, read, help),
                       type);
    describe(names, {.type = type, .choices = words, .help = help, .is_repeatable = true});
}

void Command::words(const std::string& name, std::vector<std::string>& values,
                    const std::string& help) {
    command_->add_option(name, values, help)->type_name("");
    describe(name, {.type = name, .help = help, .is_repeatable = true, .is_positional = true});
}

void Command::text(const std::string& name, std::string& value, const std::string& help) {
    const auto join = [&value](const std::vector<std::string>& words) {
        value = fmt::format("{}", fmt::join(words, " "));
    };
    command_->add_option_function<std::vector<std::string>>(name, join, help)->type_name("");
    describe(name, {.type = name, .help = help, .is_positional = true});
}

std::string OptionDescription::key() const {
    if (name.starts_with("--")) {
        return name.substr(2);
    }
    std::string key = name;
    std::ranges::transform(key, key.begin(),
                           [](unsigned char letter) { return std::tolower(letter); });
    return key;
}

CommandLine::CommandLine(const std::string& what_it_is, const std::string& version)
    : app_(std::make_unique<CLI::App>(what_it_is, "flowstamp")), what_it_is_(what_it_is) {
    app_->set_help_all_flag("--help-all");  // commands inherit it
    app_->set_version_flag("-V,--version", version);
    app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Command CommandLine::command(std::string_view name, const std::string& help,
                             const std::string& example) {
    CommandDescription& description =
        descriptions_.emplace_back(CommandDescription{std::string(name), help, example, {}});
    return {*app_->add_subcommand(description.name, help), description};
}

std::optional<Usage> CommandLine::parse(const std::vector<std::string>& arguments) {
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        app_->parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return help(HelpForm::brief);
    } catch (const CLI::CallForAllHelp&) {
        return help(HelpForm::whole);
    } catch (const CLI::CallForVersion& version) {
        return Usage{0, version.what() + std::string("\n"), {}};
    } catch (const CLI::ValidationError& error) {
        return usage_error(error.what());
    } catch (const CLI::ParseError& error) {
        return usage_error(error_line(error));
    }
    return std::nullopt;
}

Usage CommandLine::help(HelpForm form) const {
    const auto chosen = app_->get_subcommands();
    return {0,
            chosen.empty() ? overview(what_it_is_, descriptions_)
                           : command_help(description(chosen.front()->get_name()), form),
            {}};
}

/// CLI11's error message as one line, with what to do.
std::string CommandLine::error_line(const CLI::ParseError& error) const {
    const std::string line = one_line(error);
    for (const CLI::App* command : app_->get_subcommands()) {
        const std::string& name = command->get_name();
        const std::string unknown = unknown_option(*command);
        if (unknown.empty()) {
            return fmt::format("{}: {}; see flowstamp {} --help", name, line, name);
        }
        const auto meant = nearest_option(unknown, description(name));
        return fmt::format("{}: {}: no such option; {} flowstamp {} --help", name, unknown,
                           meant ? fmt::format("did you mean {}? See", *meant) : "see", name);
    }
    return line + "; see flowstamp --help";
}

std::string CommandLine::set(std::string_view command, const std::vector<std::string>& words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    reversed.emplace_back(command);
    try {
        app_->parse(reversed);
    } catch (const CLI::ParseError& error) {
        return one_line(error);
    }
    return "";
}

bool CommandLine::has_chosen(std::string_view command) const {
    return app_->got_subcommand(std::string(command));
}

bool CommandLine::was_given(std::string_view command, const OptionDescription& option) const {
    return app_->get_subcommand(std::string(command))->get_option(option.name)->count() != 0;
}

const CommandDescription& CommandLine::description(std::string_view command) const {
    return *std::ranges::find(descriptions_, command, &CommandDescription::name);
}

Usage usage_error(const std::string& line) {
    return {kUsageError, console_line(line), line};
}

}  // namespace flowstamp::cmd
