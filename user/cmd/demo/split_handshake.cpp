// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A middlebox in the path answers the handshake itself, and only then connects to the server: a SYN
// proxy, as in anti-DDoS filters.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

Status run(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& router = context.lab.router(kFirewallRouter);
    std::optional<lab::Firewall> untracked, proxy;
    Status added = scenario.add_rule(
        untracked, router, "iptables -t raw -A PREROUTING -p tcp --dport 80 --syn -j CT --notrack");
    if (added) {
        added = scenario.add_rule(
            proxy, router,
            "iptables -A FORWARD -p tcp --dport 80 -m conntrack --ctstate "
            "INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss "
            "1460");
    }
    if (added) {
        added = scenario.set(router, "net.netfilter.nf_conntrack_tcp_loose", "0");
    }
    if (!added) {
        return added;
    }
    narrator.heading("1. The firewall answers the handshake in place of the server");
    if (Status done = scenario.attempt({.name = "through the SYN proxy",
                                        .exchange = {.rounds = 10, .pause = 20ms},
                                        .finding = {.kind = "ttl-shift"}});
        !done) {
        return done;
    }
    narrator.heading("2. Without it, everything comes from the server");
    for (std::optional<lab::Firewall>* rule : {&proxy, &untracked}) {
        if (Status removed = scenario.remove_rule(*rule); !removed) {
            return removed;
        }
    }
    return scenario.attempt({.name = "direct", .exchange = {.rounds = 10, .pause = 20ms}});
}

}  // namespace

Status run_split_handshake(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The firewall protects the server against SYN floods: it answers each SYN itself, with the "
        "server's address, and contacts the server only when the client has completed the "
        "handshake. Nothing is broken. But an answering port no longer shows that the server is "
        "up.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
