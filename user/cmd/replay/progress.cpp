// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/progress.h"

#include <fmt/format.h>

#include "user/base/printable.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kShowAfter = 1s;
constexpr Nanoseconds kInterval = 200ms;
constexpr auto kErase = "\r\033[K";  // ECMA-48: to the line's start, erase to its end

}  // namespace

Progress::Progress(std::FILE* terminal, std::string_view title, const Clock& clock)
    : terminal_(terminal),
      title_(printable(title)),
      clock_(clock),
      due_(clock.monotonic() + kShowAfter) {}

Progress::~Progress() {
    if (shown_) {
        fmt::print(terminal_, "{}", kErase);
        std::fflush(terminal_);
    }
}

void Progress::show(std::optional<double> done, std::uint64_t frames) {
    if (terminal_ == nullptr) {
        return;
    }
    const Nanoseconds now = clock_.monotonic();
    if (now < due_) {
        return;
    }
    due_ = now + kInterval;
    shown_ = true;
    if (done) {
        fmt::print(terminal_, "{}{}: {:.0f} %", kErase, title_, *done * 100);
    } else {
        fmt::print(terminal_, "{}{}: {} frames", kErase, title_, frames);
    }
    std::fflush(terminal_);
}

}  // namespace flowstamp::cmd
