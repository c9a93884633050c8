// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/xdp_attach_failure.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "user/kernel/features/bpf_objects.h"

namespace flowstamp::kernel {

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

std::string fix_or(const std::string& fix, const std::string& choice) {
    return fix.empty() ? choice : fix + ", or " + choice;
}

}  // namespace

XdpAttachFailure xdp_attach_failure(const Interface& interface, Hook hook, int error) {
    XdpAttachFailure failure{.errno_value = error, .reason = {}, .fix = {}};
    if (!interface.has_ethernet()) {
        failure.reason = "its packets have no Ethernet header, which XDP would need";
        return failure;
    }
    const Result<XdpState> state = xdp_state(interface.index);
    if (state && state->program_id != 0) {
        failure.reason =
            fmt::format("another XDP program ({}) is attached", program_text(state->program_id));
        failure.fix = "detach it";
        return failure;
    }
    switch (error) {
        case EOPNOTSUPP:
            failure.reason = no_native_reason(interface);
            break;
        case EINVAL:
        case ERANGE:
        case E2BIG:
            failure.reason =
                fmt::format("its driver refuses {} at an MTU of {} or with its present offloads",
                            hook == Hook::xdp ? "native XDP" : "XDP", interface.mtu);
            failure.fix = "lower the MTU";
            break;
        case ENODEV:
            failure.reason = "it has gone away";
            failure.is_fatal = true;
            break;
        case EPERM:
            failure.reason = "the kernel does not permit it";
            failure.is_fatal = true;
            break;
        default:
            failure.reason = fmt::format("XDP failed ({})", std::generic_category().message(error));
            break;
    }
    return failure;
}

Notice failure_notice(const Interface& interface, const XdpAttachFailure& failure) {
    return {fmt::format("{}: {}; using tc ingress{}. {}", interface.name, failure.reason,
                        interface.loopback ? ", which sees both directions there" : "",
                        upper_first(fix_or(failure.fix, "choose --hook tc to silence this")))};
}

Error failure_error(const Interface& interface, Hook hook, const XdpAttachFailure& failure) {
    const bool generic_may_work =
        hook == Hook::xdp && failure.errno_value == EOPNOTSUPP && interface.has_ethernet();
    const std::string choice =
        generic_may_work ? "choose --hook tc or --hook xdp-generic" : "choose --hook tc";
    return {.operation = hook == Hook::xdp ? "attach native XDP" : "attach generic XDP",
            .object = interface.name,
            .errno_value = failure.errno_value,
            .reason = failure.reason,
            .hint = failure.is_fatal ? "" : fix_or(failure.fix, choice)};
}

}  // namespace flowstamp::kernel
