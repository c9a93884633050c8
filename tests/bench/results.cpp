// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bench/results.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

namespace flowstamp::bench {
namespace {

bool passes(const Figure& figure) {
    return !figure.bar || (figure.bar->is == Bar::Is::at_most ? figure.value <= figure.bar->value
                                                              : figure.value >= figure.bar->value);
}

std::string word_of(const char* path) {
    std::string word = "?";
    std::ifstream(path) >> word;
    return word;
}

std::string cpu_model() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) {
            return line.substr(line.find(':') + 2);
        }
    }
    return "?";
}

std::vector<std::pair<std::string, std::string>> machine() {
    utsname system{};
    uname(&system);
    return {{"kernel", system.release},
            {"cpu", cpu_model()},
            {"cpus", std::to_string(sysconf(_SC_NPROCESSORS_ONLN))},
            {"clocksource",
             word_of("/sys/devices/system/clocksource/clocksource0/current_clocksource")},
            {"bpf_jit_enable", word_of("/proc/sys/net/core/bpf_jit_enable")},
            {"bpf_jit_harden", word_of("/proc/sys/net/core/bpf_jit_harden")}};
}

std::string bar_text(const Figure& figure) {
    if (!figure.bar) {
        return {};
    }
    return fmt::format("  (bar: {} {:g}: {})",
                       figure.bar->is == Bar::Is::at_most ? "at most" : "at least",
                       figure.bar->value, passes(figure) ? "pass" : "FAIL");
}

}  // namespace

void Results::report(Figure figure) {
    if (figures_.empty() || figures_.back().section != figure.section) {
        fmt::print("\n{}\n", figure.section);
    }
    const int decimals = figure.value < 10 ? 2 : figure.value < 100 ? 1 : 0;
    fmt::print("  {:<56} {:>9.{}f} {}{}\n", figure.name, figure.value, decimals, figure.unit,
               bar_text(figure));
    std::fflush(stdout);
    figures_.push_back(std::move(figure));
}

int Results::failed() const {
    return static_cast<int>(
        std::ranges::count_if(figures_, [](const Figure& figure) { return !passes(figure); }));
}

bool Results::write_json(const std::string& path) const {
    nlohmann::ordered_json facts, all = nlohmann::ordered_json::array();
    for (const auto& [name, value] : machine()) {
        facts[name] = value;
    }
    for (const Figure& figure : figures_) {
        nlohmann::ordered_json entry = {{"section", figure.section},
                                        {"name", figure.name},
                                        {"value", figure.value},
                                        {"unit", figure.unit}};
        if (figure.bar) {
            entry[figure.bar->is == Bar::Is::at_most ? "at_most" : "at_least"] = figure.bar->value;
            entry["passed"] = passes(figure);
        }
        all.push_back(std::move(entry));
    }
    std::ofstream file(path);
    file << nlohmann::ordered_json{{"machine", facts}, {"figures", all}}.dump(2) << '\n';
    return file.good();
}

void report_machine() {
    for (const auto& [name, value] : machine()) {
        fmt::print("{:<16} {}\n", name, value);
    }
}

void die(std::string_view what) {
    fmt::print(stderr, "bench: {}\n", what);
    std::exit(1);
}

}  // namespace flowstamp::bench
