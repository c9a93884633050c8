// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace flowstamp::cmd {

/// Instead of options: what to print, and the exit status to end with. Status 0 (help, version)
/// goes to standard output, 2 to standard error.
struct Usage {
    int status = 2;
    std::string text{};
};

/// One command, as its options are declared. Every value given here outlives the command line, which
/// writes it where the option is met. `names` are CLI11's: "-o,--output".
class Command {
  public:
    /// Reads an option's value. Returns what is wrong with it, in one line with what to do; empty:
    /// nothing.
    using Reader = std::function<std::string(const std::string& value)>;

    explicit Command(CLI::App& command) : command_(&command) {}

    void flag(const std::string& names, bool& value, const std::string& help);
    /// One that can be given again and again: how often it was.
    void flag(const std::string& names, int& times, const std::string& help);
    /// One that switches something off.
    void off_flag(const std::string& names, bool& value, const std::string& help);
    /// Another name of a flag, which the help does not show.
    void hidden_flag(const std::string& names, bool& value);

    /// `type` stands for the value in the help: "FILE".
    void option(const std::string& names, const std::string& type,
                std::optional<std::string>& value, const std::string& help);
    void option(const std::string& names, const std::string& type, const Reader& reader,
                const std::string& help);
    /// With one value each time that it is given.
    void repeatable(const std::string& names, const std::string& type,
                    std::vector<std::string>& values, const std::string& help);
    void repeatable(const std::string& names, const std::string& type, const Reader& reader,
                    const std::string& help);

    /// The words that belong to no option; `name` stands for them in the help.
    void words(const std::string& name, std::vector<std::string>& values, const std::string& help);
    /// The same as one text, a space between any two.
    void text(const std::string& name, std::string& value, const std::string& help);

  private:
    CLI::App* command_;
};

/// The program's command line. CLI11 stands behind it, and is included in its source alone: each file
/// that includes it takes seconds to compile.
class CommandLine {
  public:
    CommandLine(const std::string& what_it_is, const std::string& version);
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;
    ~CommandLine();

    [[nodiscard]] Command command(std::string_view name, const std::string& help);

    /// Reads the arguments, those after the program's name. Returns what to print instead of going
    /// on; nothing: a command was chosen.
    [[nodiscard]] std::optional<Usage> parse(const std::vector<std::string>& arguments);
    [[nodiscard]] bool has_chosen(std::string_view command) const;

  private:
    std::unique_ptr<CLI::App> app_;
};

/// A usage error of one line.
[[nodiscard]] Usage usage_error(const std::string& line);

}  // namespace flowstamp::cmd
