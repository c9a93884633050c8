// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>
#include <utility>

extern char** environ;

namespace flowstamp {
namespace {

using std::chrono::milliseconds;

/// The two parameter objects of posix_spawn().
class SpawnPlan {
  public:
    SpawnPlan(const Fd& in, const Fd& out, const Fd& err) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawn_file_actions_adddup2(&actions_, in.get(), STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, out.get(), STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, err.get(), STDERR_FILENO);

        // A process group of its own, so that Ctrl-C reaches only this process, which then cleans
        // up. Signals blocked or ignored here must not be so in the child.
        posix_spawnattr_init(&attributes_);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

/// An in-memory file. Reading by pread() leaves the child's write offset alone.
Fd memory_file() {
    return Fd(memfd_create("flowstamp-command", MFD_CLOEXEC));
}

std::string contents(const Fd& file, off_t from = 0) {
    struct stat status{};
    if (!file || fstat(file.get(), &status) != 0) {
        return {};
    }
    std::string text(static_cast<std::size_t>(status.st_size - from), '\0');
    const ssize_t got = pread(file.get(), text.data(), text.size(), from);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
}

/// glibc 2.36 declares pidfd_open() without C linkage: make the system call directly.
Fd open_pidfd(pid_t pid) {
    return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

std::string command_line(const Argv& argv) {
    return fmt::format("{}", fmt::join(argv, " "));
}

}  // namespace

Result<Child> Child::start(const Argv& argv, const std::string& input) {
    Fd in = memory_file(), out = memory_file(), err = memory_file();
    if (!in || !out || !err ||
        pwrite(in.get(), input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) {
        return fail_errno("run", command_line(argv), errno);
    }
    std::vector<char*> pointers;
    for (const std::string& argument : argv) {
        pointers.push_back(const_cast<char*>(argument.c_str()));
    }
    pointers.push_back(nullptr);

    const SpawnPlan plan(in, out, err);
    pid_t pid = -1;
    const int failure = posix_spawnp(&pid, pointers[0], plan.actions(), plan.attributes(),
                                     pointers.data(), environ);
    if (failure != 0) {
        return fail_errno("run", command_line(argv), failure);
    }
    return Child(pid, open_pidfd(pid), std::move(out), std::move(err));
}

Child::Child(pid_t pid, Fd pidfd, Fd out, Fd err)
    : pid_(pid), pidfd_(std::move(pidfd)), out_(std::move(out)), err_(std::move(err)) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      drained_(other.drained_),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Child& Child::operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    std::swap(drained_, other.drained_);
    std::swap(out_, other.out_);
    std::swap(err_, other.err_);
    return *this;
}

Child::~Child() {
    if (pid_ != -1) {
        signal(SIGKILL);
        reap();
    }
}

std::string Child::out() const {
    return contents(out_, drained_);
}

std::string Child::drain_out() {
    std::string text = out();
    const auto bytes = static_cast<off_t>(text.size());
    if (bytes > 0) {  // on failure the memory stays allocated
        fallocate(out_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, drained_, bytes);
    }
    drained_ += bytes;
    return text;
}

std::string Child::err() const {
    return contents(err_);
}

void Child::signal(int number) const {
    if (pid_ != -1) {
        kill(-pid_, number);
    }
}

std::optional<CommandOutput> Child::wait(milliseconds timeout) {
    pollfd exit{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (pid_ != -1) {
        const auto left =
            std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        const int ready = poll(&exit, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
        if (ready > 0) {
            return reap();
        }
        if (ready == 0) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

CommandOutput Child::stop(milliseconds timeout) {
    signal(SIGINT);
    if (auto output = wait(timeout)) {
        return *output;
    }
    signal(SIGKILL);
    return reap();
}

bool Child::wait_for_output(const std::string& text, milliseconds timeout) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        if (out().contains(text) || err().contains(text)) {
            return true;
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(milliseconds(5));
    }
}

CommandOutput Child::reap() {
    int status = 0;
    if (pid_ != -1) {
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
    }
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), out(), err()};
}

Result<CommandOutput> run_command(const Argv& argv, const std::string& input,
                                  milliseconds timeout) {
    Result<Child> child = Child::start(argv, input);
    if (!child) {
        return std::unexpected(child.error());
    }
    if (auto output = child->wait(timeout)) {
        return *output;
    }
    return fail_errno("run", command_line(argv), ETIMEDOUT);
}

Status require_command(const Argv& argv, const std::string& input) {
    const Result<CommandOutput> output = run_command(argv, input);
    if (!output) {
        return std::unexpected(output.error());
    }
    if (output->status != 0) {
        const std::string& message = output->err.empty() ? output->out : output->err;
        return fail({.operation = "run",
                     .object = command_line(argv),
                     .reason = message.empty() ? fmt::format("exit status {}", output->status)
                                               : message.substr(0, message.find('\n')),
                     .hint = {}});
    }
    return {};
}

}  // namespace flowstamp
