// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/console.h"

#include <fmt/format.h>

#include <cstdio>

#include "user/base/printable.h"

namespace flowstamp {

std::string console_line(std::string_view line) {
    return fmt::format("flowstamp: {}\n", printable(line));
}

void say(std::string_view line) {
    // Not fmt::print(), which throws if writing fails.
    std::fputs(console_line(line).c_str(), stderr);
}

int log_error(const Error& error, int status) {
    say(error.message());
    return status;
}

}  // namespace flowstamp
