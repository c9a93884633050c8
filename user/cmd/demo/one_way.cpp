// SPDX-License-Identifier: Apache-2.0
//
// Two ways through the routers: a gateway sees what goes to the server, and nothing of what comes
// back. Watched on that gateway.
#include <fmt/format.h>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/shortcut.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDrawing =
    "   client ----- router1 ----- router2 ----- router3 ----- server\n"
    "                   |         (watched)         |\n"
    "                   +--------- shortcut --------+";

constexpr lab::ExchangeOptions kTalk{.rounds = 20, .pause = 50ms};

/// Has the way back to the client begin at that neighbour of router 3.
Status lead_back(const DemoContext& context, Case& story, const lab::IpAddress& neighbour) {
    return story.run(context.lab.router(3),
                     fmt::format("ip route replace 198.51.100.0/24 via {}", neighbour.text()));
}

Status play(const DemoContext& context, const lab::Shortcut& shortcut, Case& story) {
    Narrator& narrator = context.narrator;
    if (Status done = story.attempt({.name = "there and back", .exchange = kTalk}); !done) {
        return done;
    }
    narrator.heading("1. The way back leads past the gateway");
    if (Status led = lead_back(context, story, shortcut.near); !led) {
        return led;
    }
    if (Status done = story.attempt(
            {.name = "back by the shortcut", .exchange = kTalk, .finding = {.kind = "one-way"}});
        !done) {
        return done;
    }
    narrator.heading("2. Mended: one way for both");
    const lab::IpAddress gateway = context.lab.router(3).toward(lab::Side::Client).neighbour_ipv4;
    if (Status led = lead_back(context, story, gateway); !led) {
        return led;
    }
    return story.attempt({.name = "after", .exchange = kTalk});
}

}  // namespace

Status play_one_way(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "Nothing is broken for the client: its packets go by router2, the answers by a shortcut. "
        "But whatever on router2 has to see both directions does not: a stateful firewall there "
        "would take the client's ACKs for strays. flowstamp runs on router2.");
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
    return play_case(context, setting, closing, [&](const DemoContext& where, Case& story) {
        return play(where, *shortcut, story);
    });
}

}  // namespace flowstamp::cmd::demo
