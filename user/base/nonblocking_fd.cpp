// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/nonblocking_fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>

namespace flowstamp {

namespace {

bool is_ready(int fd, int wait_ms) {
    pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
    return ::poll(&waiting, 1, wait_ms) > 0;
}

}  // namespace

NonblockingFd::NonblockingFd(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        return;
    }
    if (S_ISREG(status.st_mode)) {
        kind_ = Kind::file;
    } else if (S_ISSOCK(status.st_mode)) {
        kind_ = Kind::socket;
    } else {
        own_ = Fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                         O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (own_) {
            fd_ = own_.get();
            kind_ = Kind::reopened;
        }
    }
}

Result<std::size_t> NonblockingFd::write(std::string_view text) {
    if (kind_ == Kind::other) {
        // A pipe that is ready takes PIPE_BUF bytes (pipe(7)).
        if (!is_ready(fd_, 0)) {
            return 0;
        }
        text = text.substr(0, PIPE_BUF);
    }
    const ssize_t written = kind_ == Kind::socket
                                ? ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                : ::write(fd_, text.data(), text.size());
    if (written >= 0) {
        return static_cast<std::size_t>(written);
    }
    if (errno == EAGAIN || errno == EINTR) {
        return 0;
    }
    return fail_errno("write", name_, errno);
}

void NonblockingFd::wait(Nanoseconds most) const {
    is_ready(fd_, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(most).count()));
}

}  // namespace flowstamp
