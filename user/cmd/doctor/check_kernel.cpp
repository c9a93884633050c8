// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <string>
#include <utility>

#include "user/cmd/doctor/check.h"
#include "user/kernel/attach/probe.h"
#include "user/kernel/attach/stale_state.h"
#include "user/kernel/features/bpf_objects.h"
#include "user/kernel/features/capabilities.h"
#include "user/kernel/features/features.h"
#include "user/kernel/features/kernel_release.h"

namespace flowstamp::cmd {

namespace {

Check from_status(std::string subject, const Status& status, std::string good) {
    return status ? Check{CheckStatus::ok, std::move(subject), std::move(good)}
                  : Check{CheckStatus::missing, std::move(subject), status.error().message()};
}

Check either(std::string subject, bool good, std::string yes, std::string no) {
    return {good ? CheckStatus::ok : CheckStatus::limited, std::move(subject),
            good ? std::move(yes) : std::move(no)};
}

Check check_release() {
    const kernel::KernelRelease release = kernel::KernelRelease::running();
    const std::string too_old = kernel::kernel_too_old(release);
    // Distributions backport features, so an old version alone does not count as missing.
    return either("kernel", too_old.empty(), release.text, too_old);
}

void check_privileges(Checks& checks) {
    const Result<kernel::Capabilities> held = kernel::Capabilities::of_this_thread();
    if (!held) {
        checks.push_back({CheckStatus::missing, "privileges", held.error().message()});
        return;
    }
    for (const kernel::Capability& needed : kernel::kNeededCapabilities) {
        const bool has = held->has(needed.number);
        checks.push_back({has ? CheckStatus::ok : CheckStatus::missing, std::string(needed.name),
                          fmt::format("to {}{}", needed.purpose,
                                      has ? "" : "; run as root, or give it with setcap")});
    }
    checks.push_back(either("CAP_SYS_ADMIN", held->has(CAP_SYS_ADMIN),
                            "to name other programs and find unpinned tables",
                            "missing: other programs are shown by id only; `flows` finds "
                            "pinned tables only"));
}

/// Loads the real programs: only the verifier can prove that they run here.
Check check_probe() {
    Result<kernel::OpenProbe> open = kernel::OpenProbe::open({});
    if (!open) {
        return {CheckStatus::missing, "flowstamp", open.error().message()};
    }
    const Result<kernel::LoadedProbe> loaded = std::move(*open).load();
    return loaded ? Check{CheckStatus::ok, "flowstamp", "its programs load and pass the verifier"}
                  : Check{CheckStatus::missing, "flowstamp", loaded.error().message()};
}

Check check_jit() {
    const std::optional<int> enabled = kernel::jit_enabled();
    if (!enabled) {
        return {CheckStatus::limited, "JIT",
                "not known: only the initial network namespace tells whether it is on"};
    }
    if (*enabled == 0) {
        return {
            CheckStatus::limited, "JIT",
            "off: programs are interpreted, many times slower; sysctl net.core.bpf_jit_enable=1"};
    }
    const bool hardened = kernel::jit_hardened().value_or(0) == 2;
    return either("JIT", !hardened, "on",
                  "on, hardened for everyone: programs are slower; "
                  "sysctl net.core.bpf_jit_harden=1 spares root's");
}

void check_by_trying(Checks& checks) {
    checks.push_back(from_status("XDP", kernel::try_xdp_program(), "programs can be loaded"));
    checks.push_back(from_status("tc", kernel::try_tc_program(), "programs can be loaded"));
    checks.push_back(either("tcx", kernel::has_tcx(),
                            "available: tc programs are detached with the process",
                            "missing (kernel 6.6): a stub on a clsact qdisc replaces it"));
    checks.push_back(from_status("event ring", kernel::try_event_ring(), "can be created"));
    checks.push_back(check_probe());
}

}  // namespace

const char* status_text(CheckStatus status) {
    switch (status) {
        case CheckStatus::ok:
            return "ok";
        case CheckStatus::limited:
            return "limited";
        case CheckStatus::missing:
            return "missing";
    }
    return "";
}

Checks check_kernel() {
    Checks checks{check_release()};
    check_privileges(checks);
    const bool may_try = std::ranges::none_of(
        checks, [](const Check& check) { return check.status == CheckStatus::missing; });
    if (may_try) {
        check_by_trying(checks);
    }
    checks.push_back(check_jit());
    checks.push_back(either("memory", kernel::KernelRelease::running().at_least(5, 11),
                            "maps are charged to the memory cgroup, not to RLIMIT_MEMLOCK",
                            "maps count against RLIMIT_MEMLOCK: ulimit -l unlimited"));
    checks.push_back(either("BPF file system", kernel::has_bpf_file_system(),
                            "at /sys/fs/bpf: flow tables are pinned there",
                            "none at /sys/fs/bpf: flow tables are not pinned; `flows` finds them "
                            "as root all the same"));
    return checks;
}

Checks check_stale_state() {
    const Result<std::vector<kernel::Interface>> interfaces = kernel::list_interfaces();
    Checks checks;
    for (const kernel::Notice& notice :
         kernel::remove_stale_state(interfaces ? *interfaces : std::vector<kernel::Interface>())) {
        checks.push_back({CheckStatus::ok, "stale state", notice.text});
    }
    if (checks.empty()) {
        checks.push_back({CheckStatus::ok, "stale state", "none of dead runs"});
    }
    return checks;
}

}  // namespace flowstamp::cmd
