// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A connection refused by a middlebox in the path, and one by the server itself: the same errno.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

constexpr const char* kBlock =
    "iptables -I FORWARD -p tcp --syn --dport 80 -j REJECT --reject-with tcp-reset";
constexpr std::uint16_t kClosedPort = 81;
constexpr unsigned kServerHops = 3;  // the routers between

Attempt refused(std::string name, unsigned hops) {
    return {.name = std::move(name),
            .outcome = lab::Outcome::Refused,
            .finding = {.kind = "syn-refused", .hops = hops}};
}

Status run(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    if (Status done = scenario.attempt({.name = "before"}); !done) {
        return done;
    }
    narrator.heading("1. A middlebox refuses in the server's name");
    std::optional<lab::Firewall> block;
    if (Status added = scenario.add_rule(block, context.lab.router(kFirewallRouter), kBlock);
        !added) {
        return added;
    }
    if (Status done = scenario.attempt(refused("refused by the middlebox", kFirewallRouter - 1));
        !done) {
        return done;
    }
    if (Status removed = scenario.remove_rule(block); !removed) {
        return removed;
    }
    if (Status done = scenario.attempt({.name = "after"}); !done) {
        return done;
    }
    narrator.heading("2. The server itself refuses: no socket listens on that port");
    Attempt closed = refused("refused by the server", kServerHops);
    closed.exchange.server = {context.lab.server().address(), kClosedPort};
    return scenario.attempt(closed);
}

}  // namespace

Status run_syn_reset(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The firewall answers SYNs to port 80 with a reset in the server's name, as for a network "
        "that must not be reached. The application sees the same as for a closed port: connection "
        "refused.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
