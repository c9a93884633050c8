// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A server whose application does not accept: connections wait in the listener's queue, and once
// that is full the kernel ignores the last ACK of further handshakes.
#include <vector>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/forwarder.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// Of the path, each way. A SYN to a full queue is dropped, so the last place must be taken while
/// the handshake is under way: it takes 400 ms.
constexpr auto kDelay = 200ms;
constexpr int kShortBacklog = 2;
constexpr lab::ExchangeOptions kTalk{.timeout = 20s};

/// Takes all places in the queue but one: Linux queues one connection more than the backlog.
Status queue_up(const DemoContext& context, const Case& scenario, std::vector<Fd>& waiting) {
    for (int i = 0; i < kShortBacklog; ++i) {
        auto socket = context.lab.client().run_in([&] {
            return lab::connect_tcp(scenario.address(),
                                    {lab::SteadyClock::now() + 10s, &context.stop});
        });
        if (!socket) {
            return std::unexpected(socket.error());
        }
        waiting.push_back(std::move(*socket));
    }
    return {};
}

Status run(const DemoContext& context, Case& scenario, const lab::Server& server) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& host = context.lab.server();
    server.suspend();
    narrator.heading("1. The application does not accept, and the queue fills up");
    std::vector<Fd> waiting;
    if (Status queued = queue_up(context, scenario, waiting); !queued) {
        return queued;
    }
    narrator.paragraph("Two connections wait. The next two come at the same time, for one place.");
    auto last = context.lab.client().run_in([&] { return lab::begin_connect(scenario.address()); });
    if (!last) {
        return std::unexpected(last.error());
    }
    const auto accept = [&] {
        Status shown = scenario.show(host, "ss -ltn sport = :80");
        narrator.line("The server's application accepts again.");
        server.resume();
        return shown;
    };
    if (Status done =
            scenario.attempt({.name = "one too many",
                              .exchange = kTalk,
                              .actions = {{.run = accept, .once_reported = "accept-queue"}},
                              .finding = {.kind = "accept-queue", .resolution = "recovered"}});
        !done) {
        return done;
    }
    narrator.heading("2. The application accepts");
    return scenario.attempt({.name = "after", .exchange = kTalk});
}

}  // namespace

Status run_accept_queue(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The application on the server is too busy to call accept(), and its backlog is 2. Its "
        "kernel completes handshakes until the queue is full. Then it ignores the client's ACK "
        "and its data, and repeats the SYN-ACK. The client is connected, but the application does "
        "not know of it. A round trip takes 400 ms here, and in the middle of a handshake the "
        "queue fills up.");
    context.narrator.figure(path_drawing(context.lab, false));
    const auto path =
        lab::Forwarder::start(context.lab, kFirewallRouter, {.link = {.delay = kDelay}});
    if (!path) {
        return std::unexpected(path.error());
    }
    const auto server = lab::Server::start(
        context.lab.server(), {.service = lab::Service::Echo, .backlog = kShortBacklog});
    if (!server) {
        return std::unexpected(server.error());
    }
    return watch_case(
        context, Case::usual(context), summary,
        [&](const DemoContext& where, Case& scenario) { return run(where, scenario, *server); });
}

}  // namespace flowstamp::cmd::demo
