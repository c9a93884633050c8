// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::kernel {

/// A capability and what it is needed for.
struct Capability {
    int number;  ///< CAP_* of <linux/capability.h>
    std::string_view name;
    std::string_view purpose;
};

/// Without these the probe cannot be attached.
inline constexpr std::array kNeededCapabilities = {
    Capability{39, "CAP_BPF", "load programs and maps"},
    Capability{38, "CAP_PERFMON", "let the programs compute with pointers"},
    Capability{12, "CAP_NET_ADMIN", "attach to an interface"},
};

/// The calling thread's effective capabilities. Even a full set inside a user namespace may be
/// refused by the kernel: only trying shows it.
class Capabilities {
  public:
    explicit Capabilities(std::uint64_t effective) : effective_(effective) {}

    [[nodiscard]] static Result<Capabilities> of_this_thread();

    /// CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON, as before 5.8.
    [[nodiscard]] bool has(int number) const;

    /// The needed capabilities that are missing, in the order of kNeededCapabilities.
    [[nodiscard]] std::vector<Capability> missing() const;

  private:
    std::uint64_t effective_;
};

/// Fails unless all needed capabilities are there, naming the missing ones and how to get them.
[[nodiscard]] Status require_capabilities(const Capabilities& capabilities);

}  // namespace flowstamp::kernel
