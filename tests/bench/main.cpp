// SPDX-License-Identifier: Apache-2.0
// What packets cost, as ratios within one run: `./dev bench`. As root.
// Usage: flowstamp_bench_figures [--json FILE]
#include <fmt/format.h>

#include <string>

#include "tests/bench/program_costs.h"
#include "tests/bench/results.h"
#include "tests/bench/user_space.h"

int main(int count, char** words) {
    using namespace flowstamp::bench;
    const bool as_json = count == 3 && std::string_view(words[1]) == "--json";
    if (count != 1 && !as_json) {
        give_up("usage: flowstamp_bench_figures [--json FILE]");
    }
    tell_machine();
    Results results;
    measure_programs(results);
    measure_two_cpus(results);
    measure_user_space(results);
    if (as_json && !results.write_json(words[2])) {
        give_up(std::string("cannot write ") + words[2]);
    }
    fmt::print("\n{} bars not met\n", results.failed());
    return results.failed() == 0 ? 0 : 1;
}
