// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What OpenProbe, LoadedProbe and AttachedProbe hand on to each other. Not for includers outside
// user/kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "user/kernel/attach/clsact.h"
#include "user/kernel/attach/interface_hooks.h"
#include "user/kernel/attach/link_listener.h"
#include "user/kernel/attach/probe.h"
#include "user/kernel/attach/watched_links.h"
#include "user/kernel/maps/run_record.h"

struct probe_bpf;

namespace flowstamp::kernel {

struct DestroySkeleton {
    void operator()(probe_bpf* skeleton) const;
};
using Skeleton = std::unique_ptr<probe_bpf, DestroySkeleton>;

/// Members are destroyed in reverse order: hooks first, programs and maps last.
class ProbeState {
  public:
    ProbeOptions options;
    std::uint32_t flow_slots = 0;
    bool clsact = false;  ///< tc programs are attached through stubs
    Skeleton skeleton;

    // from load() on
    std::optional<ProbeMaps> maps;
    std::optional<StubPrograms> stubs;

    // from attach() on
    Notices notices;
    std::optional<LinkListener> listener;
    WatchedLinks links;
    std::vector<Attachment> attachments;  ///< of the interfaces that have hooks
    std::optional<Registration> registration;
    /// In the order of `links`; none: not attached.
    std::vector<std::optional<InterfaceHooks>> hooks;
    Nanoseconds check_due{0};  ///< when to see whether the hooks are still attached

    [[nodiscard]] ProgramFds programs() const;
    [[nodiscard]] HookPlan hook_plan() const;
};

/// The work of open(), load(), attach() and follow_interfaces(); probe_load.cpp, probe_attach.cpp,
/// probe_follow.cpp.
[[nodiscard]] Result<std::unique_ptr<ProbeState>> open_state(const ProbeOptions& options);
[[nodiscard]] Status load_state(ProbeState& state);
[[nodiscard]] Status attach_state(ProbeState& state, const std::vector<std::string>& interfaces);
[[nodiscard]] Result<InterfaceNews> follow_interfaces(ProbeState& state, Nanoseconds now);

/// Renews the list of attachments after a change of hooks.
void list_attachments(ProbeState& state);
/// What other processes are to know of this run.
[[nodiscard]] RunRecord record_of(const ProbeState& state);

}  // namespace flowstamp::kernel
