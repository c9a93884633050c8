// SPDX-License-Identifier: Apache-2.0
// What was measured: a line for people as soon as it is known, and all of it as JSON for machines.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp::bench {

/// What a figure must be to pass.
struct Bar {
    enum class Is { at_most, at_least };
    Is is = Is::at_most;
    double value = 0;
};

inline Bar at_most(double value) {
    return {Bar::Is::at_most, value};
}
inline Bar at_least(double value) {
    return {Bar::Is::at_least, value};
}

struct Figure {
    std::string section{};
    std::string name{};
    double value = 0;
    std::string unit{};  ///< "ns", "ratio", "Mpps", ...
    std::optional<Bar> bar{};
};

class Results {
  public:
    /// Prints it under its section's heading.
    void report(Figure figure);

    /// Figures that did not reach their bar.
    [[nodiscard]] int failed() const;

    /// {"machine": {...}, "figures": [{"section", "name", "value", "unit", "bar", "passed"}]}. False
    /// if the file cannot be written.
    [[nodiscard]] bool write_json(const std::string& path) const;

  private:
    std::vector<Figure> figures_;
};

/// Prints what the machine is: kernel, CPUs, clocksource, JIT, as figures mean nothing without.
void report_machine();

/// Ends the bench with one line.
[[noreturn]] void give_up(std::string_view what);

}  // namespace flowstamp::bench
