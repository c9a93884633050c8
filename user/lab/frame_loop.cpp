// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/frame_loop.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace flowstamp::lab {

Result<std::unique_ptr<FrameLoop>> FrameLoop::open(const Namespace& host) {
    Result<PacketSocket> socket = PacketSocket::open(host);
    if (!socket) {
        return std::unexpected(socket.error());
    }
    return std::unique_ptr<FrameLoop>(new FrameLoop(host, std::move(*socket)));
}

void FrameLoop::run(const OnFrame& on_frame) {
    // Raises this thread's priority: a middlebox must not be delayed when the machine is busy.
    setpriority(PRIO_PROCESS, 0, -15);
    pollfd fds[2] = {{.fd = stop_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = socket_.fd(), .events = POLLIN, .revents = 0}};
    while (fds[0].revents == 0) {
        timespec timeout{.tv_sec = 1, .tv_nsec = 0};
        if (!queue_.empty()) {
            const auto left = std::clamp<std::chrono::nanoseconds>(
                queue_.top().when - SteadyClock::now(), std::chrono::nanoseconds(0),
                std::chrono::seconds(1));
            timeout = {.tv_sec = left.count() / 1'000'000'000,
                       .tv_nsec = left.count() % 1'000'000'000};
        }
        ppoll(fds, 2, &timeout, nullptr);
        drain(on_frame);
        do_what_is_due();
    }
}

void FrameLoop::drain(const OnFrame& on_frame) {
    // Bounded, so that a flood of frames does not delay scheduled actions.
    for (int i = 0; i < 64; ++i) {
        const auto received = socket_.receive(buffer_);
        if (!received) {
            return;
        }
        on_frame(received->from, received->frame);
    }
}

void FrameLoop::do_what_is_due() {
    while (!queue_.empty() && queue_.top().when <= SteadyClock::now()) {
        const Action action = queue_.top().action;
        queue_.pop();
        action();
    }
}

void FrameLoop::at(Deadline when, Action action) {
    queue_.push({when, order_++, std::move(action)});
}

void FrameLoop::send(Side toward, FrameView frame) {
    [[maybe_unused]] const Status sent = socket_.send(toward, frame);
}

Hop FrameLoop::hop(Side toward) const {
    const Interface& interface = host_.toward(toward);
    return {interface.mac, interface.neighbour_mac};
}

}  // namespace flowstamp::lab
