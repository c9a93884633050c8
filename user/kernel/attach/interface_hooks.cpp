// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/interface_hooks.h"

#include <fmt/format.h>
#include <linux/if_link.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "user/kernel/attach/tc_filters.h"
#include "user/kernel/attach/xdp_attach_failure.h"
#include "user/kernel/attach/xdp_cost.h"
#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

bool wants_ingress(const HookPlan& plan) {
    return plan.direction != WatchDirection::out;
}

/// Loopback receives what it sends: with egress, each packet would be stamped twice.
bool wants_egress(const HookPlan& plan, const Interface& interface) {
    return plan.direction == WatchDirection::out ||
           (plan.direction == WatchDirection::both && !interface.loopback);
}

Notice cost_notice(const Interface& interface) {
    return {fmt::format("{}: XDP costs it {}; --hook tc refuses resets as well, at no such cost",
                        interface.name, xdp_cost(interface))};
}

}  // namespace

Result<InterfaceHooks> InterfaceHooks::attach(const Interface& interface, const HookPlan& plan,
                                              Notices& notices) {
    InterfaceHooks hooks(interface);
    Status done;
    // Egress first: XDP can take the link down for seconds, and a handshake in between would be
    // seen by half, which leaves its flow without verdicts above suspected for as long as it lives.
    if (wants_egress(plan, interface)) {
        done = hooks.attach_egress(plan, notices);
    }
    if (done && wants_ingress(plan)) {
        done = hooks.attach_ingress(plan, notices);
    }
    if (!done) {
        return std::unexpected(done.error());
    }
    return hooks;
}

bool InterfaceHooks::are_attached() const {
    return std::ranges::all_of(links_, &BpfLink::is_attached) &&
           (!clsact_ || clsact_->is_attached());
}

Status InterfaceHooks::attach_ingress(const HookPlan& plan, Notices& notices) {
    const bool is_automatic = plan.ingress == IngressChoice::automatic;
    if (is_automatic && !automatic_is_xdp(interface(), plan.acting)) {
        attachment_.why = xdp_cost(interface());
    } else if (plan.ingress != IngressChoice::tc) {
        const Hook hook =
            plan.ingress == IngressChoice::xdp_generic ? Hook::xdp_generic : Hook::xdp;
        const int error = interface().has_ethernet()
                              ? attach_xdp(plan.programs.xdp_ingress, hook)
                              : EOPNOTSUPP;  // XDP does not know the link type: no tunnels
        if (error == 0) {
            attachment_.ingress = hook;
            if (is_automatic && !xdp_cost(interface()).empty()) {
                notices.push_back(cost_notice(interface()));
            }
            return {};
        }
        const XdpAttachFailure failure = xdp_attach_failure(interface(), hook, error);
        if (!is_automatic || failure.is_fatal) {
            return fail(failure_error(interface(), hook, failure));
        }
        notices.push_back(failure_notice(interface(), failure));
    }
    const Result<Hook> hook = attach_tc(plan, TcDirection::ingress);
    if (!hook) {
        return std::unexpected(hook.error());
    }
    attachment_.ingress = *hook;
    return {};
}

Status InterfaceHooks::attach_egress(const HookPlan& plan, Notices& notices) {
    if (const std::size_t others = others_at_egress(interface().index, plan.stubs != nullptr)) {
        notices.push_back(
            {fmt::format("{}: {} other tc program{} before ours at egress; a packet "
                         "that {} may not be stamped",
                         interface().name, others, others == 1 ? " runs" : "s run",
                         others == 1 ? "it drops" : "they drop")});
    }
    const Result<Hook> hook = attach_tc(plan, TcDirection::egress);
    if (!hook) {
        return std::unexpected(hook.error());
    }
    attachment_.egress = *hook;
    return {};
}

int InterfaceHooks::attach_xdp(int program_fd, Hook hook) {
    // Without a mode flag, an interface without native XDP (lo) would silently get the generic
    // mode.
    const std::uint32_t mode = hook == Hook::xdp ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    std::expected<BpfLink, int> link = link_xdp(program_fd, interface().index, mode);
    if (!link) {
        return link.error();
    }
    links_.push_back(*std::move(link));
    return 0;
}

Result<Hook> InterfaceHooks::attach_tc(const HookPlan& plan, TcDirection direction) {
    const bool ingress = direction == TcDirection::ingress;
    if (plan.stubs != nullptr) {
        if (!clsact_) {
            Result<ClsactHooks> opened = ClsactHooks::open(interface());
            if (!opened) {
                return std::unexpected(opened.error());
            }
            clsact_.emplace(*std::move(opened));
        }
        const Status attached = clsact_->attach(*plan.stubs, direction);
        return attached ? Result<Hook>(Hook::clsact) : std::unexpected(attached.error());
    }
    // First at ingress, to stamp packets before others change them; last at egress, to stamp what
    // leaves.
    std::expected<BpfLink, int> link =
        ingress
            ? link_tcx(plan.programs.tc_ingress, interface().index, BPF_TCX_INGRESS,
                       ChainEnd::first)
            : link_tcx(plan.programs.tc_egress, interface().index, BPF_TCX_EGRESS, ChainEnd::last);
    if (!link) {
        return fail_errno(ingress ? "attach to tc ingress" : "attach to tc egress",
                          interface().name, link.error());
    }
    links_.push_back(*std::move(link));
    return Hook::tcx;
}

}  // namespace flowstamp::kernel
