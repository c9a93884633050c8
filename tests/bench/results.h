// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The results: printed one by one as they arrive, and written as JSON at the end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp::bench {

/// The condition that a figure must meet to pass.
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
    /// Prints it under the heading of its section.
    void report(Figure figure);

    /// Number of figures that did not meet their bar.
    [[nodiscard]] int failed() const;

    /// {"machine": {...}, "figures": [{"section", "name", "value", "unit", "bar", "passed"}]}.
    /// False if the file cannot be written.
    [[nodiscard]] bool write_json(const std::string& path) const;

  private:
    std::vector<Figure> figures_;
};

/// Prints kernel, CPUs, clocksource and JIT, without which figures mean nothing.
void report_machine();

/// Ends the bench with an error line.
[[noreturn]] void die(std::string_view what);

}  // namespace flowstamp::bench
