// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/xdp_obstacle.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "user/kernel/bpf_objects.h"

namespace flowstamp {

namespace {

std::string no_native_reason(const Interface& interface) {
    if (interface.loopback) {
        return "loopback has no native XDP";
    }
    return interface.driver.empty()
               ? "its driver has no native XDP"
               : fmt::format("its driver ({}) has no native XDP", interface.driver);
}

/// "Detach it, or choose ..." / "Choose ...": the second sentence of a notice.
std::string upper_first(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
        text[0] = static_cast<char>(text[0] - 'a' + 'A');
    }
    return text;
}

std::string mend_or(const std::string& mend, const std::string& choice) {
    return mend.empty() ? choice : mend + ", or " + choice;
}

}  // namespace

XdpObstacle xdp_obstacle(const Interface& interface, Hook hook, int error) {
    XdpObstacle obstacle{.errno_value = error, .reason = {}, .mend = {}};
    if (!interface.has_ethernet()) {
        obstacle.reason = "its packets have no Ethernet header, which XDP would need";
        return obstacle;
    }
    const Result<XdpState> state = xdp_state(interface.index);
    if (state && state->program_id != 0) {
        obstacle.reason =
            fmt::format("another XDP program ({}) is attached", program_text(state->program_id));
        obstacle.mend = "detach it";
        return obstacle;
    }
    switch (error) {
        case EOPNOTSUPP:
            obstacle.reason = no_native_reason(interface);
            break;
        case EINVAL:
        case ERANGE:
        case E2BIG:
            obstacle.reason =
                fmt::format("its driver refuses {} at an MTU of {} or with its present offloads",
                            hook == Hook::xdp ? "native XDP" : "XDP", interface.mtu);
            obstacle.mend = "lower the MTU";
            break;
        case ENODEV:
            obstacle.reason = "it has gone away";
            obstacle.is_fatal = true;
            break;
        case EPERM:
            obstacle.reason = "the kernel does not permit it";
            obstacle.is_fatal = true;
            break;
        default:
            obstacle.reason =
                fmt::format("XDP failed ({})", std::generic_category().message(error));
            break;
    }
    return obstacle;
}

Notice obstacle_notice(const Interface& interface, const XdpObstacle& obstacle) {
    return {fmt::format("{}: {}; using tc ingress{}. {}", interface.name, obstacle.reason,
                        interface.loopback ? ", which sees both directions there" : "",
                        upper_first(mend_or(obstacle.mend, "choose --hook tc to silence this")))};
}

Error obstacle_error(const Interface& interface, Hook hook, const XdpObstacle& obstacle) {
    const bool generic_may_do =
        hook == Hook::xdp && obstacle.errno_value == EOPNOTSUPP && interface.has_ethernet();
    const std::string choice =
        generic_may_do ? "choose --hook tc or --hook xdp-generic" : "choose --hook tc";
    return {.operation = hook == Hook::xdp ? "attach native XDP" : "attach generic XDP",
            .object = interface.name,
            .errno_value = obstacle.errno_value,
            .reason = obstacle.reason,
            .hint = obstacle.is_fatal ? "" : mend_or(obstacle.mend, choice)};
}

}  // namespace flowstamp
