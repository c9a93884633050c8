// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace flowstamp::kernel {

/// The running kernel's version. Used to explain a failure, never to decide what to try:
/// distributions bring features back to older versions.
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

/// The first version that has all we need: XDP on packets of several buffers (xdp.frags).
inline constexpr int kOldestKernelMajor = 5;
inline constexpr int kOldestKernelMinor = 18;

/// "needs kernel 5.18 or later, this is 5.10.0-28-amd64" for an older one, else empty.
[[nodiscard]] std::string kernel_too_old(const KernelRelease& release);

}  // namespace flowstamp::kernel
