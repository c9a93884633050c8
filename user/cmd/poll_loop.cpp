// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/poll_loop.h"

#include <poll.h>

#include <algorithm>
#include <iterator>

namespace flowstamp::cmd {

PollLoop::PollLoop(const StopSignals& signals, const Clock& clock,
                   std::optional<Nanoseconds> duration)
    : signals_(signals),
      clock_(clock),
      end_(duration ? clock.monotonic() + *duration : Nanoseconds::max()) {}

bool PollLoop::wait_for(int events, int suspend) {
    now_ = clock_.monotonic();
    if (now_ >= end_) {
        return false;
    }
    pollfd waiting[] = {
        {signals_.descriptor(), POLLIN, 0}, {suspend, POLLIN, 0}, {events, POLLIN, 0}};
    const Nanoseconds at_most = std::min(kInterval, end_ - now_);
    ::poll(waiting, std::size(waiting),
           static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(at_most).count()));
    wants_suspend_ = (waiting[1].revents & POLLIN) != 0;
    return (waiting[0].revents & POLLIN) == 0;
}

}  // namespace flowstamp::cmd
