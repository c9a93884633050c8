// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/net_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "user/base/own_thread.h"

namespace flowstamp::kernel {

namespace fs = std::filesystem;

namespace {

/// Whether an entry of `folder`, or the file `below` in it, has this inode.
bool any_is(const fs::path& folder, const fs::path& below, std::uint64_t inode) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        struct stat status{};
        const fs::path path = below.empty() ? entry->path() : entry->path() / below;
        if (::stat(path.c_str(), &status) == 0 && status.st_ino == inode) {
            return true;
        }
    }
    return false;
}

std::unexpected<Error> no_entry(const std::string& name, int error) {
    Error its{.operation = "follow network namespace", .object = name, .errno_value = error};
    if (error == EACCES || error == EPERM) {
        its.hint = "entering one needs CAP_SYS_ADMIN, a process's also CAP_SYS_PTRACE: run as root";
    } else if (error == EINVAL) {
        its.reason = "this file below /run/netns is no network namespace";
        its.hint = "`ip netns delete` removes it";
    }
    return fail(std::move(its));
}

std::unexpected<Error> none_such(const std::string& name) {
    return fail({.operation = "follow network namespace",
                 .object = name.empty() ? "''" : name,
                 .errno_value = ENOENT,
                 .reason = "neither a name below /run/netns nor the id of a running process",
                 .hint = "`ip netns` lists names, `lsns -t net` processes"});
}

bool is_number(const std::string& text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// 0, or the errno with which a thread cannot enter `to`, or not come back from it.
int try_to_visit(int to, int home) {
    int error = 0;
    run_in_own_thread([&] {
        if (::setns(to, CLONE_NEWNET) != 0 || ::setns(home, CLONE_NEWNET) != 0) {
            error = errno;
        }
    });
    return error;
}

/// Leaves the namespace that was entered, also if the work there throws.
class WayBack {
  public:
    explicit WayBack(int home) : home_(home) {}
    WayBack(const WayBack&) = delete;
    WayBack& operator=(const WayBack&) = delete;
    ~WayBack() {
        if (::setns(home_, CLONE_NEWNET) != 0) {
            std::terminate();  // what follows would act on the wrong namespace
        }
    }

  private:
    int home_;
};

}  // namespace

NetNamespace NetNamespace::of_this_thread() {
    Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    struct stat status{};
    const bool known = fd && ::fstat(fd.get(), &status) == 0;
    return NetNamespace(std::move(fd), known ? status.st_ino : 0);
}

Result<NetNamespace> NetNamespace::named(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.contains('/')) {
        return none_such(name);
    }
    std::string path = "/run/netns/" + name;
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT && is_number(name)) {
        path = "/proc/" + name + "/ns/net";
        fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    if (!fd) {
        return errno == ENOENT ? none_such(name) : no_entry(name, errno);
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
        return no_entry(name, errno);
    }
    if (const int error = try_to_visit(fd.get(), of_this_thread().fd_.get()); error != 0) {
        return no_entry(name, error);
    }
    return NetNamespace(std::move(fd), status.st_ino, std::move(path));
}

void NetNamespace::visit(const NetNamespace& home, const std::function<void()>& work) const {
    if (::setns(fd_.get(), CLONE_NEWNET) != 0) {
        throw std::system_error(errno, std::generic_category(), "enter " + path_);
    }
    const WayBack back(home.fd_.get());
    work();
}

std::uint64_t net_namespace_of(std::int32_t pid) {
    struct stat status{};
    const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool net_namespace_exists(std::uint64_t inode) {
    return any_is("/run/netns", {}, inode) || any_is("/proc", "ns/net", inode);
}

bool NetNamespace::run_inside(const std::function<void()>& work) const {
    if (of_this_thread().inode() == inode_) {
        work();
        return true;
    }
    bool entered = false;
    run_in_own_thread([&] {
        entered = fd_ && ::setns(fd_.get(), CLONE_NEWNET) == 0;
        if (entered) {
            work();
        }
    });
    return entered;
}

}  // namespace flowstamp::kernel
