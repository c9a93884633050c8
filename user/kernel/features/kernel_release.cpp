// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/features/kernel_release.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <cstdio>
#include <utility>

namespace flowstamp::kernel {

KernelRelease KernelRelease::running() {
    utsname names{};
    ::uname(&names);  // fails only for a bad address
    return parse(names.release);
}

KernelRelease KernelRelease::parse(std::string text) {
    KernelRelease release;
    if (std::sscanf(text.c_str(), "%d.%d", &release.major, &release.minor) != 2) {
        release.major = release.minor = 0;
    }
    release.text = std::move(text);
    return release;
}

std::string kernel_too_old(const KernelRelease& release) {
    if (release.at_least(kOldestKernelMajor, kOldestKernelMinor)) {
        return "";
    }
    return fmt::format("needs kernel {}.{} or later, this is {}", kOldestKernelMajor,
                       kOldestKernelMinor, release.text);
}

}  // namespace flowstamp::kernel
