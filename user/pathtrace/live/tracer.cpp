// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/tracer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "user/kernel/features/capabilities.h"
#include "user/net/packet_match.h"
#include "user/pathtrace/kernel_matches.h"
#include "user/pathtrace/live/followed_netns.h"
#include "user/pathtrace/live/path_probe.h"
#include "user/pathtrace/live/tracer_run.h"

namespace flowstamp::pathtrace {

namespace {

/// A namespace, and those of its interfaces that are wanted.
struct Within {
    NetnsEntry entry;
    std::vector<std::string> interfaces{};
};

/// The own namespace first.
Result<std::vector<Within>> enter_all(const std::vector<std::string>& names) {
    std::vector<Within> all;
    all.push_back({.entry = NetnsEntry::own()});
    for (const std::string& name : names) {
        auto entry = NetnsEntry::named(name);
        if (!entry) {
            return std::unexpected(std::move(entry).error());
        }
        const auto same = std::ranges::find_if(
            all, [&](const Within& its) { return its.entry.inode() == entry->inode(); });
        if (same != all.end()) {
            return fail({.operation = "follow network namespace",
                         .object = name,
                         .reason = same == all.begin()
                                       ? "it is the one that this command runs in, which is always "
                                         "followed"
                                   : same->entry.name() == name
                                       ? "it is given twice"
                                       : "it is the same as " + same->entry.name(),
                         .hint = "leave out one --netns"});
        }
        all.push_back({.entry = *std::move(entry)});
    }
    return all;
}

/// Gives each interface to its namespace: "eth0" to the own one, "web/eth0" to web.
Status share_out(const std::vector<std::string>& interfaces, std::vector<Within>& all) {
    for (const std::string& name : interfaces) {
        const std::size_t slash = name.rfind('/');
        const std::string netns = slash == std::string::npos ? "" : name.substr(0, slash);
        const auto its = std::ranges::find_if(
            all, [&](const Within& each) { return each.entry.name() == netns; });
        if (its == all.end() || slash == 0) {
            return fail({.operation = "follow packets through",
                         .object = name,
                         .reason = fmt::format("network namespace '{}' is not followed", netns),
                         .hint = fmt::format("add --netns {}", netns.empty() ? "NAME" : netns)});
        }
        const std::string interface = slash == std::string::npos ? name : name.substr(slash + 1);
        if (std::ranges::find(its->interfaces, interface) == its->interfaces.end()) {
            its->interfaces.push_back(interface);
        }
    }
    return {};
}

/// Checks in advance what would otherwise fail for each station by itself: one error, not many.
Status check_can_trace() {
    const auto capabilities = kernel::Capabilities::of_this_thread();
    return capabilities ? kernel::require_capabilities(*capabilities)
                        : std::unexpected(capabilities.error());
}

Result<std::vector<PlannedNetns>> plan_all(const Tracer::Wanted& wanted) {
    auto all = enter_all(wanted.netns);
    if (!all) {
        return std::unexpected(std::move(all).error());
    }
    if (const Status shared = share_out(wanted.interfaces, *all); !shared) {
        return std::unexpected(shared.error());
    }
    std::vector<PlannedNetns> planned;
    for (const Within& its : *all) {
        auto plan = its.entry.inside([&] { return PlannedNetns::plan(its.entry, its.interfaces); });
        if (!plan) {
            return std::unexpected(std::move(plan).error());
        }
        planned.push_back(*std::move(plan));
    }
    return planned;
}

PathProbeOptions probe_options(const std::vector<PlannedNetns>& planned,
                               const std::vector<fst_path_match>& matches, bool only_drops) {
    PathProbeOptions options{
        .stations = planned.front().stations, .matches = matches, .only_drops = only_drops};
    for (auto its = planned.begin() + 1; its != planned.end(); ++its) {
        options.others.push_back(
            {.inode = its->entry.inode(),
             .stations = its->stations,
             .inside = [&entry = its->entry](const auto& work) { entry.inside(work); }});
    }
    return options;
}

}  // namespace

Result<Tracer> Tracer::start(const Wanted& wanted, const Dependencies& dependencies) {
    const auto matches = net::packet_matches(wanted.filter);
    if (!matches) {
        return std::unexpected(matches.error());
    }
    if (const Status allowed = check_can_trace(); !allowed) {
        return std::unexpected(allowed.error());
    }
    auto planned = plan_all(wanted);
    if (!planned) {
        return std::unexpected(std::move(planned).error());
    }
    for (const PlannedNetns& its : *planned) {
        const std::string& netns = its.entry.name();
        for (const std::string& unread : its.ruleset.unread) {
            dependencies.notice(netns.empty() ? unread : netns + ": " + unread);
        }
    }
    if (!matches->is_exact) {
        dependencies.notice(fmt::format(
            "'{}': the kernel compares addresses, protocol and ports alone, so more is followed",
            wanted.filter));
    }
    std::vector<fst_path_match> compared = kernel_matches(*matches);
    auto probe = PathProbe::start(probe_options(*planned, compared, wanted.only_drops));
    if (!probe) {
        return std::unexpected(std::move(probe).error());
    }
    for (PlannedNetns& its : *planned) {
        const Status attached = its.entry.inside([&] {
            return its.attached(probe->stations(), wanted.trace ? &matches->any_of : nullptr);
        });
        if (!attached) {
            return std::unexpected(attached.error());
        }
    }
    auto run = std::make_unique<Run>(dependencies, *std::move(planned), std::move(*probe),
                                     std::move(compared));
    if (const Status listening = run->listen(); !listening) {
        return std::unexpected(listening.error());
    }
    return Tracer(std::move(run));
}

Tracer::Tracer(std::unique_ptr<Run> run) : run_(std::move(run)) {}
Tracer::Tracer(Tracer&&) noexcept = default;
Tracer& Tracer::operator=(Tracer&&) noexcept = default;
Tracer::~Tracer() = default;

int Tracer::descriptor() const {
    return run_->descriptor();
}

Status Tracer::poll() {
    return run_->poll();
}

Status Tracer::finish() {
    return run_->finish();
}

PathSample Tracer::sample() const {
    return run_->sample();
}

std::string Tracer::where() const {
    return run_->where();
}

}  // namespace flowstamp::pathtrace
