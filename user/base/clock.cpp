// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/clock.h"

#include <ctime>

namespace flowstamp {

namespace {

Nanoseconds read(clockid_t id) {
    timespec now{};
    ::clock_gettime(id, &now);  // cannot fail for the two clocks that every Linux has
    return std::chrono::seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
}

}  // namespace

Nanoseconds SystemClock::monotonic() const {
    return read(CLOCK_MONOTONIC);
}

Nanoseconds SystemClock::realtime() const {
    return read(CLOCK_REALTIME);
}

}  // namespace flowstamp
