// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/netns_reaper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

extern char** environ;

namespace flowstamp::lab {
namespace {

/// Waits until the pipe closes, then removes each namespace of its arguments. Processes first: a
/// namespace exists as long as one of them does. They get SIGTERM, then two seconds to clean up
/// what they have outside of it, then SIGKILL. The lab's own process gets none, in case it runs
/// inside.
constexpr const char* removal_script = R"(
trap '' HUP INT TERM QUIT
owner=$PPID
send() {
    signal=$1 left=
    shift
    for name in "$@"; do
        for pid in $(ip netns pids "$name" 2>/dev/null); do
            [ "$pid" = "$owner" ] || ! kill "-$signal" "$pid" || left=1
        done
    done
}
read -r _
send TERM "$@"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -n "$left" ] || break
    sleep 0.2
    send 0 "$@"
done
[ -z "$left" ] || send KILL "$@"
for name in "$@"; do
    ip netns del "$name"
done
)";

constexpr const char* run_directory = "/run/netns";
constexpr const char* common_prefix = "flowstamp-";

/// When a process started, in clock ticks since boot: field 22 of /proc/PID/stat, proc(5).
std::optional<unsigned long long> start_time(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    if (!std::getline(file, line)) {
        return std::nullopt;
    }
    // Field 2, the program's name in parentheses, may contain anything: count from its end.
    std::size_t at = line.rfind(')');
    for (int field = 3; field <= 22 && at != std::string::npos; ++field) {
        at = line.find(' ', at + 1);
    }
    unsigned long long ticks = 0;
    if (at == std::string::npos ||
        std::from_chars(line.data() + at + 1, line.data() + line.size(), ticks).ec != std::errc{}) {
        return std::nullopt;
    }
    return ticks;
}

/// Whether `name` belongs to a lab whose process is gone.
bool is_stale(const std::string& name) {
    int pid = 0;
    unsigned long long start = 0;
    const std::string pattern = std::string(common_prefix) + "%d-%llu-";
    if (std::sscanf(name.c_str(), pattern.c_str(), &pid, &start) != 2) {
        return false;
    }
    return start_time(pid) != start;
}

}  // namespace

Result<NetnsReaper> NetnsReaper::start(const std::vector<std::string>& names) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail_errno("start", "namespace reaper", errno);
    }
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));

    std::vector<std::string> argv{"/bin/sh", "-c", removal_script, "flowstamp-lab-reaper"};
    argv.insert(argv.end(), names.begin(), names.end());
    std::vector<char*> pointers;
    pointers.reserve(argv.size() + 1);
    for (std::string& argument : argv) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, read_end.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, null.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, null.get(), STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // A session of its own: neither Ctrl-C nor the terminal's hang-up reaches it.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    pid_t pid = -1;
    const int failure =
        posix_spawn(&pid, pointers[0], &actions, &attributes, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failure != 0) {
        return fail_errno("start", "namespace reaper", failure);
    }
    return NetnsReaper(pid, std::move(write_end));
}

NetnsReaper::NetnsReaper(NetnsReaper&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pipe_(std::move(other.pipe_)) {}

NetnsReaper& NetnsReaper::operator=(NetnsReaper&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pipe_, other.pipe_);
    return *this;
}

NetnsReaper::~NetnsReaper() {
    pipe_.reset();
    if (pid_ != -1) {
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

std::string next_name_prefix() {
    static std::atomic<unsigned> count = 0;  // per process: names are unique per machine
    return fmt::format("{}{}-{}-{}-", common_prefix, getpid(), start_time(getpid()).value_or(0),
                       ++count);
}

std::vector<std::string> stale_namespaces() {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(run_directory, none)) {
        if (is_stale(entry.path().filename())) {
            names.push_back(entry.path().filename());
        }
    }
    return names;
}

Status remove_stale_namespaces() {
    const std::vector<std::string> names = stale_namespaces();
    if (names.empty()) {
        return {};
    }
    const Result<NetnsReaper> reaper = NetnsReaper::start(names);
    return reaper ? Status{} : Status(std::unexpected(reaper.error()));
}

}  // namespace flowstamp::lab
