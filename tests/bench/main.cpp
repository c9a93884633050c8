// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The cost per packet, as ratios within one run: `./dev bench`. As root.
// Usage: flowstamp_bench_figures [--json FILE] [--beside OBJECT,ENTRIES[,NAME=NUMBER]...] [COMMAND...]
// OBJECT is another build of the data path, whose map "flows" has ENTRIES and whose read-only data is set so.
// Each COMMAND is run by the shell and prints more figures: lines of tab-separated section, name,
// value, unit and bar (">=0.95", "<=100", or nothing).
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/bench/beside.h"
#include "tests/bench/program_costs.h"
#include "tests/bench/results.h"

namespace {

using namespace flowstamp::bench;

/// The programs' rounds are split into this many parts, with the commands in between.
constexpr std::size_t kParts = 3;

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream words(line);
    for (std::string field; std::getline(words, field, '\t');) {
        fields.push_back(field);
    }
    return fields;
}

std::optional<Bar> bar_of(const std::string& text) {
    if (text.starts_with(">=")) {
        return at_least(std::strtod(text.c_str() + 2, nullptr));
    }
    if (text.starts_with("<=")) {
        return at_most(std::strtod(text.c_str() + 2, nullptr));
    }
    return std::nullopt;
}

void report_line(const std::string& line, Results& results) {
    std::vector<std::string> fields = fields_of(line);
    if (fields.size() < 3) {
        die("not a figure: " + line);
    }
    fields.resize(5);
    results.report({.section = fields[0],
                    .name = fields[1],
                    .value = std::strtod(fields[2].c_str(), nullptr),
                    .unit = fields[3],
                    .bar = bar_of(fields[4])});
}

void run_command(const std::string& command, Results& results) {
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) {
        die("cannot run " + command);
    }
    std::string line;
    for (int byte = std::fgetc(pipe); byte != EOF; byte = std::fgetc(pipe)) {
        if (byte != '\n') {
            line.push_back(static_cast<char>(byte));
            continue;
        }
        report_line(line, results);
        line.clear();
    }
    if (pclose(pipe) != 0) {
        die("failed: " + command);
    }
}

/// The value of an option that stands first, and is removed; empty if it does not.
std::string take_option(std::vector<std::string>& words, std::string_view name) {
    if (words.empty() || words[0] != name) {
        return {};
    }
    if (words.size() < 2) {
        die(std::string(name) + ": no value given");
    }
    std::string value = std::move(words[1]);
    words.erase(words.begin(), words.begin() + 2);
    return value;
}

void report_progress(std::size_t part) {
    if (isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr, "programs run by the kernel, part {} of {}\n", part + 1, kParts);
    }
}

}  // namespace

int main(int count, char** words) {
    std::vector<std::string> commands(words + 1, words + count);
    const std::string json = take_option(commands, "--json");
    const std::string other = take_option(commands, "--beside");
    report_machine();
    Results results;
    Measurements programs = program_costs();
    if (!other.empty()) {
        std::ranges::move(beside(parse_other_build(other)), std::back_inserter(programs));
    }
    for (std::size_t part = 0; part < kParts; part++) {
        report_progress(part);
        for (const auto& measurement : programs) {
            measurement->run_rounds();
        }
        for (std::size_t i = part; i < commands.size(); i += kParts) {
            run_command(commands[i], results);
        }
    }
    for (const auto& measurement : programs) {
        measurement->report(results);
    }
    if (!json.empty() && !results.write_json(json)) {
        die("cannot write " + json);
    }
    fmt::print("\n{} {} not met\n", results.failed(), results.failed() == 1 ? "bar" : "bars");
    return results.failed() == 0 ? 0 : 1;
}
