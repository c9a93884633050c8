// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A server that rejects, and whose own firewall drops the rejection on its way out.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

Status run(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& server = context.lab.server();
    std::optional<lab::Firewall> reject, drop_resets;
    Status added = scenario.add_rule(
        reject, server, "iptables -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    if (added) {
        added = scenario.add_rule(drop_resets, server,
                                  "iptables -A OUTPUT -p tcp --tcp-flags RST RST -j DROP");
    }
    if (!added) {
        return added;
    }
    narrator.heading("1. Silence");
    if (Status done = scenario.attempt({.name = "rejected, reset dropped",
                                        .exchange = {.timeout = 3500ms},
                                        .outcome = lab::Outcome::TimedOut,
                                        .finding = {.kind = "syn-unanswered"}});
        !done) {
        return done;
    }
    narrator.heading("2. Without that rule: a refusal, from the server's distance");
    if (Status removed = scenario.remove_rule(drop_resets); !removed) {
        return removed;
    }
    if (Status done = scenario.attempt({.name = "rejected",
                                        .outcome = lab::Outcome::Refused,
                                        .finding = {.kind = "syn-refused", .hops = 3}});
        !done) {
        return done;
    }
    narrator.heading("3. Both rules removed");
    if (Status removed = scenario.remove_rule(reject); !removed) {
        return removed;
    }
    return scenario.attempt({.name = "after"});
}

}  // namespace

Status run_reset_swallowed(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The server's firewall rejects connections to port 80 with a reset. Another rule of its "
        "own, once added against a scan, drops every outgoing reset. So the client, which should "
        "be refused at once, waits.");
    context.narrator.figure(path_drawing(context.lab, false));
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
