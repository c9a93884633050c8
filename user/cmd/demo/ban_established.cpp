// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Established connections that a router blocks and unblocks: once the client's packets are lost,
// once the server's. And one that is blocked with a reset.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kBlockAfter = 600ms;
constexpr auto kUnblockAfter = 2600ms;

/// Twenty rounds a second for two seconds, unless interrupted.
constexpr lab::ExchangeOptions kTalk{.rounds = 40, .pause = 50ms, .timeout = 12s};

Status stall(const DemoContext& context, Case& scenario, const std::string& name,
             const std::string& match) {
    std::optional<lab::Firewall> block;
    const auto begin = [&] {
        return scenario.add_rule(block, context.lab.router(kFirewallRouter),
                                 "iptables -I FORWARD -p tcp " + match + " -j DROP");
    };
    return scenario.attempt(
        {.name = name,
         .exchange = kTalk,
         .actions = {{kBlockAfter, begin},
                     {kUnblockAfter, [&] { return scenario.remove_rule(block); }, "stalled"}},
         .finding = {.kind = "stalled", .resolution = "recovered"}});
}

Status run_stalls(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    narrator.heading("1. The client's packets are lost");
    if (Status done = stall(context, scenario, "to the server", "--dport 80"); !done) {
        return done;
    }
    narrator.heading("2. The server's packets are lost");
    return stall(context, scenario, "from the server", "--sport 80");
}

Status run_reset(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    narrator.heading("1. The rule is added");
    std::optional<lab::Firewall> block;
    const auto begin = [&] {
        return scenario.add_rule(
            block, context.lab.router(kFirewallRouter),
            "iptables -I FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    };
    if (Status done = scenario.attempt({.name = "blocked",
                                        .exchange = kTalk,
                                        .actions = {{kBlockAfter, begin}},
                                        .outcome = lab::Outcome::Reset,
                                        .finding = {.kind = "forged-rst", .hops = 1}});
        !done) {
        return done;
    }
    narrator.heading("2. The rule is removed");
    if (Status removed = scenario.remove_rule(block); !removed) {
        return removed;
    }
    return scenario.attempt({.name = "after", .exchange = kTalk});
}

}  // namespace

Status run_ban_established(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The client and the server exchange data. Meanwhile the firewall starts to drop packets of "
        "one direction; two seconds later the rule is removed. Nothing was ever closed.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run_stalls);
}

Status run_ban_reset(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The client and the server exchange data. Meanwhile an operator blocks the connection on "
        "the firewall, with a reset, so that the client does not hang. The reset has the server's "
        "address, but the router sends it.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run_reset);
}

}  // namespace flowstamp::cmd::demo
