// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/live_console.h"

#include <unistd.h>

#include <string>

#include "user/base/console.h"

namespace flowstamp {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kAtMost = 50ms;

}  // namespace

LiveConsole::LiveConsole() : error_(STDERR_FILENO, "standard error") {}

void LiveConsole::say(std::string_view line) {
    const std::string text = console_line(line);
    std::string_view left = text;
    for (bool has_waited = is_stalled_;; has_waited = true) {
        const auto written = error_.write(left);
        left.remove_prefix(written.value_or(left.size()));
        if (left.empty() || has_waited) {
            break;
        }
        error_.wait(kAtMost);
    }
    is_stalled_ = !left.empty();
}

int LiveConsole::log_error(const Error& error, int status) {
    say(error.message());
    return status;
}

}  // namespace flowstamp
