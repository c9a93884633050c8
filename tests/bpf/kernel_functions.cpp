// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bpf/kernel_functions.h"

#include <fstream>
#include <sstream>

namespace flowstamp::testing {

std::map<std::uint64_t, std::string> kernel_functions() {
    std::map<std::uint64_t, std::string> names;
    std::ifstream file("/proc/kallsyms");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::uint64_t address = 0;
        std::string kind, name;
        words >> std::hex >> address >> kind >> name;
        if (address != 0 && (kind == "T" || kind == "t")) {
            names.emplace(address, name);
        }
    }
    return names;
}

}  // namespace flowstamp::testing
