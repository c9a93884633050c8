// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace flowstamp::lab {

Result<Namespace> Namespace::open(std::string role, std::string name) {
    const std::string path = "/run/netns/" + name;
    Fd handle(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!handle) {
        return fail_errno("open network namespace", path, errno);
    }
    return Namespace(std::move(role), std::move(name), std::move(handle));
}

const IpAddress& Namespace::address(Family family) const {
    return toward(has(Side::Server) ? Side::Server : Side::Client).address(family);
}

void Namespace::enter() const {
    if (setns(handle_.get(), CLONE_NEWNET) != 0) {
        throw std::system_error(errno, std::generic_category(), "enter namespace " + name_);
    }
}

Result<CommandOutput> Namespace::exec(const Argv& argv, const std::string& input,
                                      std::chrono::milliseconds timeout) const {
    return run_in([&] { return run_command(argv, input, timeout); });
}

Status Namespace::require(const Argv& argv, const std::string& input) const {
    return run_in([&] { return require_command(argv, input); });
}

Result<Child> Namespace::spawn(const Argv& argv) const {
    return run_in([&] { return Child::start(argv); });
}

Status Namespace::set_sysctl(const std::string& key, const std::string& value) const {
    std::string path = "/proc/sys/" + key;
    std::replace(path.begin() + 10, path.end(), '.', '/');
    return run_in([&]() -> Status {
        const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!file || write(file.get(), value.data(), value.size()) < 0) {
            return fail_errno("set", role_ + " " + key, errno);
        }
        return {};
    });
}

}  // namespace flowstamp::lab
