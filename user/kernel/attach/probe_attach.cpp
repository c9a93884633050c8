// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// attach(): to all interfaces or to none.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>

#include "flowstamp/types.h"
#include "probe.skel.h"
#include "user/kernel/attach/interface_pattern.h"
#include "user/kernel/attach/probe_state.h"
#include "user/kernel/attach/stale_state.h"
#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::kernel {

namespace {

/// What to attach to, without duplicates.
struct Wanted {
    std::vector<Interface> named{};
    std::vector<Interface> matching{};  ///< a pattern, and up
    std::vector<std::string> patterns{};

    void add(std::vector<Interface>& where, const Interface& interface) const {
        for (const auto* known : {&named, &matching}) {
            if (std::ranges::find(*known, interface.index, &Interface::index) != known->end()) {
                return;
            }
        }
        where.push_back(interface);
    }
};

/// Looks up all interfaces, before anything is attached. Adds a notice for a pattern that matches
/// none.
Result<Wanted> find_interfaces(const std::vector<std::string>& names, Notices& notices) {
    Wanted wanted;
    for (const std::string& name : names) {
        if (is_pattern(name)) {
            wanted.patterns.push_back(name);
            continue;
        }
        const Result<Interface> interface = find_interface(name);
        if (!interface) {
            return std::unexpected(interface.error());
        }
        wanted.add(wanted.named, *interface);
    }
    const auto all = list_interfaces();
    if (!all) {
        return std::unexpected(all.error());
    }
    for (const std::string& pattern : wanted.patterns) {
        bool is_met = false;
        for (const Interface& interface : *all) {
            if (interface.up && matches(pattern, interface.name)) {
                wanted.add(wanted.matching, interface);
                is_met = true;
            }
        }
        if (!is_met) {
            notices.push_back({fmt::format(
                "{}: no interface that is up matches yet; one that comes is watched", pattern)});
        }
    }
    if (wanted.named.empty() && wanted.matching.empty()) {
        return fail(
            {.operation = "attach",
             .object = fmt::format("{}", fmt::join(names, ", ")),
             .reason = names.empty() ? "no interface was named" : "no interface that is up matches",
             .hint = "name one with -i; list them with `ip link`"});
    }
    return wanted;
}

/// Attaches to an interface, and adds it to those that are followed. If that fails for one that was
/// not named, it is tried again later.
Status attach_to(ProbeState& state, const Interface& interface, bool is_named) {
    if (!interface.up) {
        state.notices.push_back({fmt::format(
            "{0}: is down; attached anyway. Set it up with `ip link set {0} up`", interface.name)});
    }
    Result<InterfaceHooks> attached =
        InterfaceHooks::attach(interface, state.hook_plan(), state.notices);
    if (!attached && is_named) {
        return std::unexpected(attached.error());
    }
    state.links.add({.index = interface.index,
                     .name = interface.name,
                     .mtu = interface.mtu,
                     .is_up = interface.up},
                    is_named);
    if (attached) {
        state.hooks.emplace_back(*std::move(attached));
    } else {
        state.notices.push_back({attached.error().message() + "; it is not watched"});
        state.hooks.emplace_back();
    }
    return {};
}

Status attach_to_all(ProbeState& state, const Wanted& wanted) {
    for (const Interface& interface : wanted.named) {
        if (Status attached = attach_to(state, interface, true); !attached) {
            return attached;
        }
    }
    for (const Interface& interface : wanted.matching) {
        if (Status attached = attach_to(state, interface, false); !attached) {
            return attached;
        }
    }
    for (const std::string& pattern : wanted.patterns) {
        state.links.add_pattern(pattern);
    }
    return {};
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
    Notices unmet;
    const Result<Wanted> wanted = find_interfaces(names, unmet);
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    std::vector<Interface> all = wanted->named;
    all.insert(all.end(), wanted->matching.begin(), wanted->matching.end());
    state.notices = remove_stale_state(all);
    state.notices.insert(state.notices.end(), unmet.begin(), unmet.end());
    if (state.options.direction != WatchDirection::both) {
        state.notices.push_back(
            {"only one direction is watched: a forged reset is suspected at "
             "most, and cannot be challenged"});
    }
    if (Status attached = attach_to_all(state, *wanted); !attached) {
        return attached;  // with the state its hooks go
    }
    state.listener.emplace(*std::move(listener));
    list_attachments(state);
    register_run(state);
    return {};
}

}  // namespace flowstamp::kernel
