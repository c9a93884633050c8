// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/download_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "user/cmd/demo/watcher.h"
#include "user/cmd/demo/words.h"
#include "user/lab/forwarder.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// A finding resolves, and a challenge counts as unanswered, a few seconds after its reset.
constexpr auto kSettleWithin = 8s;
constexpr auto kServerReports = 500ms;

/// What is started before the client: the server and the firewall, if any. The firewall works
/// beside the router's kernel, or replaces its forwarding if it drops packets.
struct Components {
    std::optional<lab::Server> server{};
    std::optional<lab::Injector> injector{};
    std::optional<lab::Forwarder> forwarder{};

    std::vector<lab::InjectedFrame> injected() const {
        return injector    ? injector->injected(0, 0ms)
               : forwarder ? forwarder->injected(0, 0ms)
                           : std::vector<lab::InjectedFrame>{};
    }
};

/// Stores what was started.
template <class Part>
Status store(std::optional<Part>& place, Result<Part> started) {
    if (!started) {
        return std::unexpected(started.error());
    }
    place.emplace(std::move(*started));
    return {};
}

Status set_up(Components& components, const lab::Lab& lab, const RunPlan& plan) {
    if (plan.is_served) {
        if (Status up = store(components.server, lab::Server::start(lab.server(), plan.server));
            !up) {
            return up;
        }
    }
    if (!plan.injection) {
        return {};
    }
    if (plan.injection->swallow == lab::Swallow::Nothing) {
        const lab::Namespace& router = lab.router(kFirewallRouter);
        return store(components.injector, lab::Injector::start(router, *plan.injection));
    }
    return store(components.forwarder,
                 lab::Forwarder::start(lab, kFirewallRouter, {.injection = plan.injection}));
}

/// Whether `watch` has nothing more to report: every reset in the server's name is reported, every
/// challenge answered, every finding of a forgery resolved.
bool is_settled(const Facts& facts, const End& server, std::size_t resets_at_least) {
    const auto resets = facts.resets_of(server);
    return resets.size() >= resets_at_least &&
           std::ranges::none_of(
               resets, [](const ResetFact& reset) { return reset.challenge == "asked"; }) &&
           std::ranges::none_of(facts.findings, [](const FindingFact& finding) {
               return finding.resolution.empty();
           });
}

Status follow_download(const DemoContext& context, Watcher& watcher, const lab::Download& download,
                       std::uint64_t wanted) {
    constexpr auto kAtMost = 60s;  // the download's own timeout comes sooner
    const auto show_progress = [&](const Facts&) {
        context.narrator.progress(progress_text(download.bytes(), wanted));
        return download.done();
    };
    if (watcher.wait_for(show_progress, kAtMost, context.stop)) {
        return {};
    }
    if (context.stop.raised()) {
        return fail_errno("watch", "download", ECANCELED);
    }
    const Status ended = watcher.stop();
    return ended ? fail({.operation = "watch", .object = "download", .reason = "watch ended early"})
                 : ended;
}

lab::DownloadOptions download_options(const DemoContext& context, const RunPlan& plan) {
    return {.server = {context.lab.server().address(plan.server.family), plan.server.port},
            .bytes = plan.bytes,
            .seed = plan.server.seed,
            .timeout = plan.timeout,
            .nudge_after = plan.nudge_after};
}

}  // namespace

std::size_t RunRecord::injected_to_client() const {
    return static_cast<std::size_t>(
        std::ranges::count(injected, lab::Side::Client, &lab::InjectedFrame::toward));
}

/// The port of a refused connection is unknown; there is no other one in a run.
std::optional<std::uint16_t> RunRecord::client_port() const {
    return download.local.port == 0 ? std::nullopt : std::optional(download.local.port);
}

std::vector<ResetFact> RunRecord::resets() const {
    return facts.resets_of(server, client_port());
}

const FindingFact* RunRecord::finding() const {
    return facts.finding_of(server, client_port());
}

Result<RunRecord> run_download(const DemoContext& context, const RunPlan& plan) {
    const lab::DownloadOptions options = download_options(context, plan);
    RunRecord record{.name = plan.name,
                     .wanted = plan.bytes,
                     .server = {options.server.address.text(), options.server.port}};
    Components components;
    if (Status up = set_up(components, context.lab, plan); !up) {
        return std::unexpected(up.error());
    }
    auto watcher = Watcher::start(
        {context.lab.client(), {context.lab.client().toward(lab::Side::Server).name}, plan.watch},
        context.narrator, context.stop);
    if (!watcher) {
        return std::unexpected(watcher.error());
    }
    lab::Download download(context.lab.client(), options);
    if (Status followed = follow_download(context, *watcher, download, plan.bytes); !followed) {
        return std::unexpected(followed.error());
    }
    record.download = download.wait();
    record.injected = components.injected();
    const std::size_t expected =
        plan.injection ? record.injected_to_client() : std::size_t{!is_complete(record.download)};
    const auto settled = [&](const Facts& facts) {
        return is_settled(facts, record.server, expected);
    };
    watcher->wait_for(settled, kSettleWithin, context.stop);
    if (context.stop.raised()) {
        return fail_errno("watch", "download", ECANCELED);
    }
    if (Status ended = watcher->stop(); !ended) {
        return std::unexpected(ended.error());
    }
    if (components.server) {
        record.served = components.server->reports(1, kServerReports);
    }
    record.facts = watcher->facts();
    return record;
}

}  // namespace flowstamp::cmd::demo
