// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Asymmetric routing: a gateway sees the packets to the server, and none of the answers. Watched on
// that gateway.
#include <fmt/format.h>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/topology.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDrawing =
    "   client ----- router1 ----- router2 ----- router3 ----- server\n"
    "                   |         (watched)         |\n"
    "                   +--------- shortcut --------+";

constexpr lab::ExchangeOptions kTalk{.rounds = 20, .pause = 50ms};

/// Routes packets to the client through that neighbour of router 3.
Status set_return_route(const DemoContext& context, Case& scenario,
                        const lab::IpAddress& neighbour) {
    return scenario.execute(
        context.lab.router(3),
        fmt::format("ip route replace 198.51.100.0/24 via {}", neighbour.text()));
}

Status run(const DemoContext& context, const lab::Shortcut& shortcut, Case& scenario) {
    Narrator& narrator = context.narrator;
    if (Status done = scenario.attempt({.name = "symmetric", .exchange = kTalk}); !done) {
        return done;
    }
    narrator.heading("1. The return path bypasses the gateway");
    if (Status routed = set_return_route(context, scenario, shortcut.near); !routed) {
        return routed;
    }
    if (Status done = scenario.attempt(
            {.name = "return by the shortcut", .exchange = kTalk, .finding = {.kind = "one-way"}});
        !done) {
        return done;
    }
    narrator.heading("2. The fix: the same path for both directions");
    const lab::IpAddress gateway = context.lab.router(3).toward(lab::Side::Client).neighbour_ipv4;
    if (Status routed = set_return_route(context, scenario, gateway); !routed) {
        return routed;
    }
    return scenario.attempt({.name = "after", .exchange = kTalk});
}

}  // namespace

Status run_one_way(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "Nothing is broken for the client: its packets go through router2, the answers by a "
        "shortcut. But what needs to see both directions on router2 does not: a stateful firewall "
        "there would treat the client's ACKs as invalid. flowstamp runs on router2.");
    context.narrator.figure(kDrawing);
    const auto shortcut = lab::add_shortcut(context.lab, 1, 3);
    if (!shortcut) {
        return std::unexpected(shortcut.error());
    }
    Case::Setting usual = Case::usual(context);
    const lab::Namespace& gateway = context.lab.router(kFirewallRouter);
    const Case::Setting setting{.client = usual.client,
                                .server = usual.server,
                                .address = usual.address,
                                .watch = {gateway,
                                          {gateway.toward(lab::Side::Client).name,
                                           gateway.toward(lab::Side::Server).name}}};
    return run_case(context, setting, summary, [&](const DemoContext& where, Case& scenario) {
        return run(where, *shortcut, scenario);
    });
}

}  // namespace flowstamp::cmd::demo
