// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// follow_interfaces(): what is attached where, as interfaces come and go.
#include <cerrno>
#include <chrono>
#include <utility>

#include "probe.skel.h"
#include "user/kernel/attach/probe_state.h"
#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::kernel {

namespace {

using namespace std::chrono_literals;
using Kind = net::InterfaceChange::Kind;

/// How often to see whether the hooks are still attached: of a program that another process has
/// detached the kernel says nothing.
constexpr Nanoseconds kCheckEvery = 1s;

/// Attaches to an interface that is there and has no hooks. On failure: why not.
Status attach_again(ProbeState& state, std::size_t which, Notices& notices) {
    const LinkMessage& link = state.links.state(which);
    const Result<Interface> interface = find_interface(link.name);
    if (!interface) {
        return std::unexpected(interface.error());
    }
    if (interface->index != link.index) {  // renamed or deleted since, as the next message will say
        return fail_errno("attach", link.name, ENODEV);
    }
    Result<InterfaceHooks> hooks = InterfaceHooks::attach(*interface, state.hook_plan(), notices);
    if (!hooks) {
        return std::unexpected(hooks.error());
    }
    state.hooks[which].emplace(*std::move(hooks));
    return {};
}

/// Tries to attach, and adds to the change what has come of it.
void try_to_attach(ProbeState& state, std::size_t which, net::InterfaceChange& change,
                   Notices& notices) {
    if (const Status attached = attach_again(state, which, notices); !attached) {
        Error error = attached.error();
        error.object.clear();  // the change has the interface's name
        change.reason = error.message();
        return;
    }
    const Attachment& attachment = state.hooks[which]->attachment();
    change.ingress = attachment.ingress ? hook_name(*attachment.ingress) : "";
    change.egress = attachment.egress ? hook_name(*attachment.egress) : "";
}

/// What the change of an interface means for its hooks.
void follow(ProbeState& state, WatchedLinks::Change& change, Notices& notices) {
    state.hooks.resize(state.links.count());
    std::optional<InterfaceHooks>& hooks = state.hooks[change.which];
    switch (change.what.kind) {
        case Kind::gone:
        case Kind::moved:  // there its programs would go on, and nobody would hear when they end
            hooks.reset();
            break;
        case Kind::appeared:
        case Kind::back:
            try_to_attach(state, change.which, change.what, notices);
            break;
        case Kind::renamed:
            if (hooks) {
                hooks->rename(change.what.name);
            }
            break;
        default:
            break;
    }
    change.what.is_watched = hooks.has_value();
}

/// Attaches where programs have been detached, or could not be attached before.
void check(ProbeState& state, std::size_t which, InterfaceNews& news) {
    std::optional<InterfaceHooks>& hooks = state.hooks[which];
    const LinkMessage& link = state.links.state(which);
    if (!state.links.is_there(which) || (hooks && hooks->are_attached())) {
        return;
    }
    const Result<Interface> now = find_interface(link.name);
    if (!now || now->index != link.index) {
        return;  // it has just gone, as the next message will say
    }
    net::InterfaceChange change{
        .kind = hooks ? Kind::detached : Kind::attached, .name = link.name, .index = link.index};
    hooks.reset();
    Notices notices;
    try_to_attach(state, which, change, notices);
    change.is_watched = hooks.has_value();
    if (change.kind == Kind::attached && !change.is_watched) {
        return;  // that it is not watched has been said
    }
    news.changes.push_back(std::move(change));
    news.notices.insert(news.notices.end(), notices.begin(), notices.end());
}

}  // namespace

Result<InterfaceNews> follow_interfaces(ProbeState& state, Nanoseconds now) {
    if (!state.listener) {
        return InterfaceNews{};
    }
    const LibbpfMessages quiet;
    const Result<LinkNews> links = state.listener->read();
    if (!links) {
        return std::unexpected(links.error());
    }
    InterfaceNews news;
    for (WatchedLinks::Change& change : state.links.update(*links)) {
        follow(state, change, news.notices);
        news.changes.push_back(std::move(change.what));
    }
    if (now >= state.check_due) {
        state.check_due = now + kCheckEvery;
        for (std::size_t i = 0; i < state.links.count(); i++) {
            check(state, i, news);
        }
    }
    if (news.changes.empty()) {
        return news;
    }
    list_attachments(state);
    if (state.registration) {
        RunRecord record = record_of(state);
        const Status recorded = state.registration->record_interfaces(std::move(record.interfaces),
                                                                      std::move(record.qdiscs));
        if (!recorded) {
            news.notices.push_back({recorded.error().message()});
        }
    }
    return news;
}

}  // namespace flowstamp::kernel
