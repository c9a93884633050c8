// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/net_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <thread>

namespace flowstamp {

NetNamespace NetNamespace::of_this_thread() {
    Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    struct stat status {};
    const bool known = fd && ::fstat(fd.get(), &status) == 0;
    return NetNamespace(std::move(fd), known ? status.st_ino : 0);
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

}  // namespace flowstamp
