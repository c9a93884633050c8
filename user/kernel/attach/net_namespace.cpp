// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/net_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

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

}  // namespace

NetNamespace NetNamespace::of_this_thread() {
    Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    struct stat status{};
    const bool known = fd && ::fstat(fd.get(), &status) == 0;
    return NetNamespace(std::move(fd), known ? status.st_ino : 0);
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
    std::thread visitor([&] {
        entered = fd_ && ::setns(fd_.get(), CLONE_NEWNET) == 0;
        if (entered) {
            work();
        }
    });
    visitor.join();
    return entered;
}

}  // namespace flowstamp::kernel
