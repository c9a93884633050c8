// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/watcher.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartWithin = 20s;  // verifying the programs takes a moment on a slow machine
constexpr auto kStopWithin = 10s;
constexpr auto kPollInterval = 20ms;

constexpr std::string_view kAttached = "watching ";  // printed by `watch` on standard error

/// What a user types after the program's name.
Argv watch_arguments(const WatchPlan& plan) {
    Argv argv{"watch"};
    for (const std::string& interface : plan.interfaces) {
        argv.insert(argv.end(), {"-i", interface});
    }
    argv.insert(argv.end(), plan.arguments.begin(), plan.arguments.end());
    return argv;
}

/// `watch` with text on its standard output, and JSON lines in `events`.
Argv watch_command(const Argv& arguments, const Fd& events, bool colour) {
    Argv argv;
    if (colour) {
        argv = {"env", "CLICOLOR_FORCE=1"};
    }
    argv.push_back(fmt::format("/proc/{}/exe", getpid()));
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.insert(argv.end(),
                {"--json", "-o", fmt::format("/proc/{}/fd/{}", getpid(), events.get()), "--print"});
    return argv;
}

std::string contents(const Fd& file) {
    struct stat status{};
    if (fstat(file.get(), &status) != 0) {
        return {};
    }
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
}

/// The complete lines of `text` after the first `relayed` bytes; advances `relayed`.
std::string_view new_lines(std::string_view text, std::size_t& relayed) {
    const std::size_t end = text.rfind('\n');
    if (end == std::string_view::npos || end < relayed) {
        return {};
    }
    const std::string_view fresh = text.substr(relayed, end + 1 - relayed);
    relayed = end + 1;
    return fresh;
}

/// The error: notices stand before it.
std::string last_line(std::string text) {
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return text.substr(text.rfind('\n') + 1);
}

Error child_failed(const CommandOutput& output) {
    return {.operation = "run flowstamp watch",
            .reason = output.err.empty() ? fmt::format("it ended with status {}", output.status)
                                         : last_line(output.err)};
}

}  // namespace

Result<Watcher> Watcher::start(const WatchPlan& plan, Narrator& narrator,
                               const lab::StopSignal& stop) {
    Fd events(memfd_create("flowstamp-demo-events", MFD_CLOEXEC));
    if (!events) {
        return fail_errno("create a memory file", "events of watch", errno);
    }
    const Argv arguments = watch_arguments(plan);
    const bool colour = !narrator.style().strong("").empty();
    Result<Child> child = plan.host.spawn(watch_command(arguments, events, colour));
    if (!child) {
        return std::unexpected(child.error());
    }
    narrator.command(fmt::format("flowstamp {}", fmt::join(arguments, " ")),
                     plan.host.role() == "client" ? "" : plan.host.role());
    Watcher watcher(std::move(*child), std::move(events), narrator);
    const auto attached = [&](const Facts&) { return watcher.child_.err().contains(kAttached); };
    if (!watcher.wait_for(attached, kStartWithin, stop)) {
        if (stop.raised()) {
            return fail_errno("start", "flowstamp watch", ECANCELED);
        }
        const auto ended = std::exchange(watcher.ended_, std::nullopt);
        return fail(ended ? child_failed(*ended)
                          : Error{.operation = "start",
                                  .object = "flowstamp watch",
                                  .errno_value = ETIMEDOUT});
    }
    return watcher;
}

Watcher::~Watcher() {
    if (child_.pid() != -1) {
        child_.stop(kStopWithin);
    }
}

void Watcher::relay() {
    const std::string err = child_.err(), out = child_.out();
    narrator_->quote(new_lines(err, relayed_err_));
    narrator_->quote(new_lines(out, relayed_out_));
}

bool Watcher::has_ended() {
    if (!ended_) {
        ended_ = child_.wait(0ms);
    }
    return ended_.has_value();
}

bool Watcher::wait_for(const std::function<bool(const Facts&)>& enough,
                       std::chrono::milliseconds timeout, const lab::StopSignal& stop) {
    const lab::WaitLimit limit{lab::SteadyClock::now() + timeout, &stop};
    do {
        const bool met = enough(facts());
        relay();
        if (met || has_ended()) {
            return met;
        }
        if (narrator_->is_reader_gone()) {
            stop.raise();
        }
    } while (lab::pause(kPollInterval, limit));
    return false;
}

Facts Watcher::facts() const {
    return parse_facts(contents(events_));
}

Status Watcher::stop() {
    if (!has_ended()) {
        ended_ = child_.stop(kStopWithin);
    }
    relay();
    if (ended_->status != 0) {
        return std::unexpected(child_failed(*ended_));
    }
    return {};
}

}  // namespace flowstamp::cmd::demo
