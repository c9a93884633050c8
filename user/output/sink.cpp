// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/sink.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "user/base/create_file.h"
#include "user/base/journal.h"
#include "user/base/unix_socket.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kSocket = "unix:";

}  // namespace

Output Output::standard_output() {
    return {Fd{}, STDOUT_FILENO, "standard output"};
}

Result<Output> Output::file(const std::string& path) {
    if (path.starts_with(kSocket)) {
        auto connection = connect_unix(path.substr(kSocket.size()));
        if (!connection) {
            return std::unexpected(std::move(connection).error());
        }
        const int number = connection->fd.get();
        Output output(std::move(connection->fd), number, path);
        output.is_socket_ = true;
        output.is_datagram_ = connection->is_datagram;
        return output;
    }
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
    is_socket_ = other.is_socket_;
    is_datagram_ = other.is_datagram_;
    sent_ = 0;
    health_ = {};
    outlive();
    retry();
}

void Output::retry() {
    while (kept_bytes() != 0) {
        const auto written = unwaited_->write(portion(std::string_view(kept_).substr(sent_)));
        if (!written) {
            health_ = std::unexpected(written.error());
            return;
        }
        if (*written == 0) {
            return;
        }
        sent_ += *written;
        const std::size_t line_end = kept_.rfind('\n', sent_ - 1);
        const std::size_t whole = line_end == std::string::npos ? 0 : line_end + 1;
        kept_.erase(0, whole);
        sent_ -= whole;
        health_ = {};
    }
}

void Output::drain(const Clock& clock, Nanoseconds most) {
    const Nanoseconds end = clock.monotonic() + most;
    for (retry(); kept_bytes() != 0 && health_; retry()) {
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
        const ssize_t written = is_socket_ ? send(text) : ::write(fd_, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            health_ = fail_errno("write", name_, errno);
        }
    }
}

ssize_t Output::send(std::string_view text) const {
    const std::string_view once = portion(text);
    return ::send(fd_, once.data(), once.size(), MSG_NOSIGNAL);
}

std::string_view Output::portion(std::string_view text) const {
    const std::size_t line_end = is_datagram_ ? text.find('\n') : std::string_view::npos;
    return line_end == std::string_view::npos ? text : text.substr(0, line_end + 1);
}

bool Output::reader_has_gone() const {
    return !is_socket_ && !health_ && health_.error().errno_value == EPIPE;
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
