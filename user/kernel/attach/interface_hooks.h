// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "user/base/result.h"
#include "user/kernel/attach/clsact.h"
#include "user/kernel/attach/probe.h"
#include "user/kernel/features/bpf_objects.h"

namespace flowstamp::kernel {

/// The loaded programs; negative if not loaded because the options do not need it.
struct ProgramFds {
    int xdp_ingress = -1;
    int tc_ingress = -1;
    int tc_egress = -1;
};

/// What to attach to an interface.
struct HookPlan {
    IngressChoice ingress = IngressChoice::automatic;
    WatchDirection direction = WatchDirection::both;
    bool acting = false;  ///< packets may be dropped or changed
    ProgramFds programs{};
    const StubPrograms* stubs = nullptr;  ///< set: clsact; else tcx
};

/// Our programs on one interface; the destructor detaches them.
class InterfaceHooks {
  public:
    /// Attaches everything in the plan on this interface, or nothing. Adds to `notices` each
    /// fallback taken, and why.
    [[nodiscard]] static Result<InterfaceHooks> attach(const Interface& interface,
                                                       const HookPlan& plan, Notices& notices);

    [[nodiscard]] const Attachment& attachment() const { return attachment_; }
    /// The interface has another name now.
    void rename(std::string name) { attachment_.interface.name = std::move(name); }

    /// Whether all that was attached still is.
    [[nodiscard]] bool are_attached() const;

    /// The clsact qdisc, if one had to be created.
    [[nodiscard]] const ClsactHooks* created_clsact() const {
        return clsact_ && clsact_->created_qdisc() ? &*clsact_ : nullptr;
    }

  private:
    explicit InterfaceHooks(Interface interface) : attachment_{.interface = std::move(interface)} {}

    [[nodiscard]] const Interface& interface() const { return attachment_.interface; }
    Status attach_ingress(const HookPlan& plan, Notices& notices);
    Status attach_egress(const HookPlan& plan, Notices& notices);
    /// 0 or a positive errno.
    int attach_xdp(int program_fd, Hook hook);
    Result<Hook> attach_tc(const HookPlan& plan, TcDirection direction);

    Attachment attachment_;
    std::vector<BpfLink> links_;
    std::optional<ClsactHooks> clsact_;
};

}  // namespace flowstamp::kernel
