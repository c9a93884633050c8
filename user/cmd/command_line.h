// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/cmd/description.h"
#include "user/cmd/help.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace flowstamp::cmd {

/// Returned instead of options: what to print, and the exit status. Status 0 (help, version)
/// goes to standard output, 2 to standard error.
struct Usage {
    int status = 2;
    std::string text{};
    std::string line{};  ///< of an error: the same, without the program's name before it
};

/// Declares the options of one command. Every value passed here outlives the command line, which
/// sets it when the option is given. `names` are as in CLI11: "-o,--output".
class Command {
  public:
    /// Parses an option's value. Returns an error in one line with what to do; empty if valid.
    using Reader = std::function<std::string(const std::string& value)>;

    /// Both outlive it.
    Command(CLI::App& command, CommandDescription& description)
        : command_(&command), description_(&description) {}

    /// The options declared from now on are those that few need: only the long help lists them.
    void rare_from_here() { is_rare_ = true; }

    void flag(const std::string& names, bool& value, const std::string& help);
    /// Repeatable: counts how often it was given.
    void flag(const std::string& names, int& times, const std::string& help);
    /// Sets `value` to false.
    void off_flag(const std::string& names, bool& value, const std::string& help);
    /// A flag that the help does not show, such as a former name.
    void hidden_flag(const std::string& names, bool& value);
    /// A habit from another program that changes nothing here. The help does not show it.
    void accepted_flag(const std::string& names);
    /// A habit from another program that is an error here: `reader` says what does it instead. The
    /// help does not show it.
    void refused_option(const std::string& names, const Reader& reader);

    /// `type` is the value's name in the help: "FILE".
    void option(const std::string& names, const std::string& type,
                std::optional<std::string>& value, const std::string& help);
    void option(const std::string& names, const std::string& type, const Reader& reader,
                const std::string& help);
    /// Takes one of a few words.
    void choice(const std::string& names, const std::vector<std::string>& words,
                const Reader& reader, const std::string& help);
    /// Repeatable, with one value each time.
    void repeatable(const std::string& names, const std::string& type,
                    std::vector<std::string>& values, const std::string& help);
    /// `words`: those that it takes.
    void repeatable(const std::string& names, const std::string& type,
                    const std::vector<std::string>& words, const Reader& reader,
                    const std::string& help);

    /// Positional arguments; `name` is their name in the help.
    void words(const std::string& name, std::vector<std::string>& values, const std::string& help);
    /// The same, joined by spaces.
    void text(const std::string& name, std::string& value, const std::string& help);

  private:
    /// Completes `option` by its `names`.
    void describe(const std::string& names, OptionDescription option);

    CLI::App* command_;
    CommandDescription* description_;
    bool is_rare_ = false;
};

/// The program's command line. Only command_line.cpp includes CLI11: each file that does takes
/// seconds to compile.
class CommandLine {
  public:
    CommandLine(const std::string& what_it_is, const std::string& version);
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;
    ~CommandLine();

    [[nodiscard]] Command command(std::string_view name, const std::string& help,
                                  const std::string& example);

    /// Parses the arguments after the program's name. Returns the help, the version or an error to
    /// print; nothing if a command was chosen.
    [[nodiscard]] std::optional<Usage> parse(const std::vector<std::string>& arguments);
    /// Sets options of a command before parse() does: what the command line repeats wins. Returns an
    /// error in one line; empty if there is none.
    [[nodiscard]] std::string set(std::string_view command, const std::vector<std::string>& words);
    [[nodiscard]] bool has_chosen(std::string_view command) const;
    /// Whether the latest parse() found that option of the chosen command.
    [[nodiscard]] bool was_given(std::string_view command, const OptionDescription& option) const;

    /// The commands, in the order in which they were declared.
    [[nodiscard]] const std::deque<CommandDescription>& descriptions() const {
        return descriptions_;
    }
    [[nodiscard]] const CommandDescription& description(std::string_view command) const;

  private:
    [[nodiscard]] Usage help(HelpForm form) const;
    [[nodiscard]] std::string error_line(const CLI::ParseError& error) const;

    std::unique_ptr<CLI::App> app_;
    std::string what_it_is_;
    std::deque<CommandDescription> descriptions_;  ///< a Command refers to its own
};

/// A usage error in one line.
[[nodiscard]] Usage usage_error(const std::string& line);

}  // namespace flowstamp::cmd
