// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// attach(): to all interfaces or to none.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "flowstamp/types.h"
#include "probe.skel.h"
#include "user/kernel/attach/probe_state.h"
#include "user/kernel/attach/stale_state.h"
#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::kernel {

namespace {

/// Looks up all interfaces, without duplicates, before anything is attached.
Result<std::vector<Interface>> find_interfaces(const std::vector<std::string>& names) {
    std::vector<Interface> found;
    for (const std::string& name : names) {
        Result<Interface> interface = find_interface(name);
        if (!interface) {
            return std::unexpected(interface.error());
        }
        if (std::ranges::find(found, interface->index, &Interface::index) == found.end()) {
            found.push_back(*std::move(interface));
        }
    }
    if (found.empty()) {
        return fail({.operation = "attach",
                     .reason = "no interface was named",
                     .hint = "name one with -i; list them with `ip link`"});
    }
    return found;
}

/// Not essential: without registration only `flows` cannot find the watch.
void register_run(ProbeState& state) {
    Result<Registration> registration =
        Registration::create(record_of(state), bpf_map__fd(state.skeleton->maps.flows));
    if (registration) {
        state.registration.emplace(*std::move(registration));
        return;
    }
    state.notices.push_back({fmt::format("{}; `flowstamp flows` will not find this watch",
                                         registration.error().message())});
}

}  // namespace

HookPlan ProbeState::hook_plan() const {
    return {.ingress = options.hook,
            .direction = options.direction,
            .acting = options.acting(),
            .programs = programs(),
            .stubs = stubs ? &*stubs : nullptr};
}

RunRecord record_of(const ProbeState& state) {
    RunRecord record{.version = FST_CONTRACT_VERSION};
    for (const auto& hooks : state.hooks) {
        if (!hooks) {
            continue;
        }
        const Interface& interface = hooks->attachment().interface;
        record.interfaces.push_back({interface.index, interface.name});
        if (const ClsactHooks* clsact = hooks->created_clsact()) {
            record.qdiscs.push_back({clsact->namespace_inode(), clsact->ifindex()});
        }
    }
    return record;
}

void list_attachments(ProbeState& state) {
    state.attachments.clear();
    for (const auto& hooks : state.hooks) {
        if (hooks) {
            state.attachments.push_back(hooks->attachment());
        }
    }
}

Status attach_state(ProbeState& state, const std::vector<std::string>& names) {
    const LibbpfMessages quiet;
    Result<LinkListener> listener = LinkListener::open();  // first, so that it misses nothing
    if (!listener) {
        return std::unexpected(listener.error());
    }
    const Result<std::vector<Interface>> interfaces = find_interfaces(names);
    if (!interfaces) {
        return std::unexpected(interfaces.error());
    }
    state.notices = remove_stale_state(*interfaces);
    if (state.options.direction != WatchDirection::both) {
        state.notices.push_back(
            {"only one direction is watched: a forged reset is suspected at "
             "most, and cannot be challenged"});
    }
    std::vector<std::optional<InterfaceHooks>> hooks;  // on an error the destructors detach
    for (const Interface& interface : *interfaces) {
        if (!interface.up) {
            state.notices.push_back(
                {fmt::format("{0}: is down; attached anyway. Set it up with `ip link set {0} up`",
                             interface.name)});
        }
        Result<InterfaceHooks> attached =
            InterfaceHooks::attach(interface, state.hook_plan(), state.notices);
        if (!attached) {
            return std::unexpected(attached.error());
        }
        state.links.add({.index = interface.index,
                         .name = interface.name,
                         .mtu = interface.mtu,
                         .is_up = interface.up});
        hooks.emplace_back(*std::move(attached));
    }
    state.listener.emplace(*std::move(listener));
    state.hooks = std::move(hooks);
    list_attachments(state);
    register_run(state);
    return {};
}

}  // namespace flowstamp::kernel
