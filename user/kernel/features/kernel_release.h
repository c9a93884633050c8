// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

namespace flowstamp::kernel {

/// The running kernel's version. Only to explain a failure, never to decide what to try:
/// distributions backport features.
struct KernelRelease {
    int major = 0;
    int minor = 0;
    std::string text;  ///< "6.1.0-18-amd64"

    [[nodiscard]] static KernelRelease running();
    [[nodiscard]] static KernelRelease parse(std::string text);

    [[nodiscard]] bool at_least(int wanted_major, int wanted_minor) const {
        return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
    }
};

/// The oldest kernel that the tests run on. README.md, the manual and the package name it, too.
inline constexpr int kOldestKernelMajor = 6;
inline constexpr int kOldestKernelMinor = 1;

/// "needs kernel 6.1 or later, this is 5.10.0-28-amd64" if it is older, else empty.
[[nodiscard]] std::string kernel_too_old(const KernelRelease& release);

}  // namespace flowstamp::kernel
