// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <fmt/format.h>

#include <string>

#include "user/cmd/doctor/check.h"
#include "user/kernel/attach/tc_filters.h"
#include "user/kernel/attach/xdp_cost.h"
#include "user/kernel/features/bpf_objects.h"

namespace flowstamp::cmd {

namespace {

std::string driver_text(const kernel::Interface& interface) {
    return interface.driver.empty() ? "its driver"
                                    : fmt::format("its driver ({})", interface.driver);
}

/// What that costs, and who pays it.
std::string cost_text(const kernel::Interface& interface) {
    const std::string_view cost = kernel::xdp_cost(interface);
    return cost.empty() ? ""
                        : fmt::format(
                              "; it would cost {}: only --drop and --challenge take it, "
                              "else tc ingress will be used",
                              cost);
}

/// What happens at the moment of attaching, if XDP is taken.
std::string effect_text(const kernel::Interface& interface) {
    const std::string_view effect = kernel::xdp_attach_effect(interface);
    return effect.empty() ? "" : fmt::format("; when it attaches, {} (not with --hook tc)", effect);
}

Check check_ingress(const kernel::Interface& interface) {
    const std::string subject = interface.name + " ingress";
    if (!interface.has_ethernet()) {
        return {CheckStatus::limited, subject,
                "its packets have no Ethernet header: tc ingress will be used"};
    }
    const Result<kernel::XdpState> state = kernel::xdp_state(interface.index);
    if (state && state->program_id != 0) {
        return {CheckStatus::limited, subject,
                fmt::format("another XDP program ({}) is attached: tc ingress will be used",
                            kernel::program_text(state->program_id))};
    }
    if (interface.loopback) {
        return {CheckStatus::limited, subject,
                "loopback has no native XDP: tc ingress will be used"};
    }
    switch (kernel::native_xdp(interface.index)) {
        case kernel::NativeXdp::yes:
            return {CheckStatus::ok, subject,
                    fmt::format("{} has native XDP{}{}", driver_text(interface),
                                cost_text(interface), effect_text(interface))};
        case kernel::NativeXdp::no:
            return {CheckStatus::limited, subject,
                    fmt::format("{} has no native XDP: tc ingress will be used",
                                driver_text(interface))};
        case kernel::NativeXdp::unknown:
            break;
    }
    return {CheckStatus::ok, subject,
            fmt::format("whether {} has native XDP is unknown on this kernel; else tc ingress "
                        "will be used",
                        driver_text(interface))};
}

/// Adds nothing if there is no obstacle.
void check_egress(const kernel::Interface& interface, Checks& checks) {
    if (const std::size_t others = kernel::others_at_egress(interface.index, !kernel::has_tcx())) {
        checks.push_back(
            {CheckStatus::limited, interface.name + " egress",
             fmt::format("{} other tc program{} before ours; packets they drop are not "
                         "stamped",
                         others, others == 1 ? " runs" : "s run")});
    }
}

}  // namespace

Checks check_interface(const kernel::Interface& interface) {
    Checks checks;
    if (!interface.up) {
        checks.push_back({CheckStatus::limited, interface.name,
                          fmt::format("is down; ip link set {} up", interface.name)});
    }
    checks.push_back(check_ingress(interface));
    check_egress(interface, checks);
    return checks;
}

}  // namespace flowstamp::cmd
