// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/sink.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "user/base/create_file.h"
#include "user/base/journal.h"

namespace flowstamp::output {

Output Output::standard_output() {
    return {Fd{}, STDOUT_FILENO, "standard output"};
}

Result<Output> Output::file(const std::string& path) {
    auto fd = create_file(path);
    if (!fd) {
        return std::unexpected(std::move(fd).error());
    }
    const int number = fd->get();
    return Output(std::move(*fd), number, path);
}

Result<Output> Output::log(const std::string& name) {
    auto fd = name == kJournal ? open_journal() : append_to_file(name);
    if (!fd) {
        return std::unexpected(std::move(fd).error());
    }
    const int number = fd->get();
    return Output(std::move(*fd), number, name);
}

void Output::release() {
    is_held_ = false;
    write(std::exchange(held_, {}));
}

std::string Output::take_held() {
    is_held_ = false;
    return std::exchange(held_, {});
}

void Output::outlive() {
    unwaited_.emplace(fd_, name_);
}

void Output::move_to(Output other) {
    retry();
    owned_ = std::move(other.owned_);
    fd_ = other.fd_;
    name_ = std::move(other.name_);
    outlive();
    retry();
}

void Output::retry() {
    while (!kept_.empty()) {
        const auto written = unwaited_->write(kept_);
        if (!written) {
            health_ = std::unexpected(written.error());
            return;
        }
        if (*written == 0) {
            return;
        }
        kept_.erase(0, *written);
        health_ = {};
    }
}

void Output::drain(const Clock& clock, Nanoseconds most) {
    const Nanoseconds end = clock.monotonic() + most;
    for (retry(); !kept_.empty() && health_; retry()) {
        const Nanoseconds left = end - clock.monotonic();
        if (left <= Nanoseconds::zero()) {
            return;
        }
        unwaited_->wait(left);
    }
}

void Output::write(std::string_view text) {
    if (is_held_) {
        held_ += text;
        return;
    }
    if (unwaited_) {
        kept_ += text;
        retry();
        return;
    }
    while (health_ && !text.empty()) {
        const ssize_t written = ::write(fd_, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            health_ = fail_errno("write", name_, errno);
        }
    }
}

bool Output::reader_has_gone() const {
    return !health_ && health_.error().errno_value == EPIPE;
}

bool Output::is_terminal() const {
    return ::isatty(fd_) == 1;
}

Output::Size Output::size() const {
    constexpr Size kUsual{.columns = 80, .rows = 24};
    winsize size{};
    const bool is_known =
        ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 && size.ws_row != 0;
    return is_known ? Size{.columns = size.ws_col, .rows = size.ws_row} : kUsual;
}

bool Output::is_background() const {
    const pid_t foreground = ::tcgetpgrp(fd_);
    return foreground > 0 && foreground != ::getpgrp();
}

}  // namespace flowstamp::output
