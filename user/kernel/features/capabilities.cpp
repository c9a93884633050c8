// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/features/capabilities.h"

#include <linux/capability.h>

#include <cerrno>
#include <fstream>

namespace flowstamp::kernel {

static_assert(CAP_BPF == 39 && CAP_PERFMON == 38 && CAP_NET_ADMIN == 12);

Result<Capabilities> Capabilities::of_this_thread() {
    const std::string path = "/proc/thread-self/status";
    std::ifstream status(path);
    for (std::string word; status >> word;) {
        if (word == "CapEff:") {
            std::uint64_t bits = 0;
            status >> std::hex >> bits;
            return Capabilities(bits);
        }
    }
    return fail({.operation = "read privileges",
                 .object = path,
                 .reason = "no effective capabilities there",
                 .hint = "mount /proc"});
}

bool Capabilities::has(int number) const {
    const auto held = [this](int bit) { return (effective_ >> bit & 1) != 0; };
    return held(number) || ((number == CAP_BPF || number == CAP_PERFMON) && held(CAP_SYS_ADMIN));
}

std::vector<Capability> Capabilities::missing() const {
    std::vector<Capability> result;
    for (const Capability& capability : kNeededCapabilities) {
        if (!has(capability.number)) {
            result.push_back(capability);
        }
    }
    return result;
}

Status require_capabilities(const Capabilities& capabilities) {
    std::string names;
    for (const Capability& capability : capabilities.missing()) {
        names += (names.empty() ? "" : ", ") + std::string(capability.name);
    }
    if (names.empty()) {
        return {};
    }
    return fail({.operation = "attach to the kernel",
                 .errno_value = EPERM,
                 .reason = "missing " + names,
                 .hint = "run as root, or give the program these privileges: setcap "
                         "cap_bpf,cap_perfmon,cap_net_admin+ep flowstamp"});
}

}  // namespace flowstamp::kernel
