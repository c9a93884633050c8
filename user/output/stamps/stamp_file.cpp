// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_file.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "user/base/create_file.h"

namespace flowstamp::output {

namespace {

constexpr int kPollMs = 100;  ///< how often is_hurried_ is checked while waiting for a pipe
constexpr int kPollsHurried = 10;

}  // namespace

Result<StampFile> StampFile::create(const std::string& path) {
    // O_NONBLOCK affects only pipes: the end of a run must not wait for a stopped reader.
    auto fd = create_file(path, O_NONBLOCK);
    if (!fd) {
        Error error = std::move(fd).error();
        if (error.errno_value == ENXIO) {
            error.hint = "start what reads this pipe first";
        }
        return fail(std::move(error));
    }
    return StampFile(std::move(*fd), path);
}

StampFile::StampFile(Fd fd, std::string name)
    : fd_(std::move(fd)), name_(std::move(name)), buffer_(kBufferBytes) {}

std::span<char> StampFile::room(std::size_t bytes) {
    if (buffer_.size() - used_ < bytes) {
        flush();
    }
    return std::span(buffer_).subspan(used_, bytes);
}

bool StampFile::wait_for_room() {
    pollfd pipe{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    for (int polls = 0; polls < kPollsHurried; polls += *is_hurried_ ? 1 : 0) {
        if (::poll(&pipe, 1, kPollMs) > 0) {
            return true;
        }
    }
    return false;
}

void StampFile::flush() {
    std::span<const char> left = std::span(buffer_).first(std::exchange(used_, 0));
    while (health_ && !left.empty()) {
        const ssize_t written = ::write(fd_.get(), left.data(), left.size());
        const int error = errno;
        if (written >= 0) {
            left = left.subspan(static_cast<std::size_t>(written));
        } else if (error != EINTR && error != EAGAIN) {
            health_ = fail_errno("write", name_, error);
        } else if (error == EAGAIN && !wait_for_room()) {
            health_ = fail({.operation = "write",
                            .object = name_,
                            .errno_value = error,
                            .reason = "its reader has stopped reading"});
        }
    }
}

}  // namespace flowstamp::output
