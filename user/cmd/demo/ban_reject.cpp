// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A router answers the client's SYNs with ICMP errors, of two kinds.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// An attempt under a rule that rejects with this ICMP type.
Status reject(const DemoContext& context, Case& scenario, const std::string& type,
              lab::Outcome outcome) {
    std::optional<lab::Firewall> block;
    Status added = scenario.add_rule(
        block, context.lab.router(kFirewallRouter),
        "iptables -I FORWARD -p tcp --syn --dport 80 -j REJECT --reject-with icmp-" + type);
    if (!added) {
        return added;
    }
    const Status done = scenario.attempt({.name = type,
                                          .exchange = {.timeout = 5s},
                                          .outcome = outcome,
                                          .finding = {.kind = "icmp-rejected"}});
    return done ? scenario.remove_rule(block) : done;
}

Status run(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    narrator.heading("1. Port unreachable");
    if (Status done = reject(context, scenario, "port-unreachable", lab::Outcome::Refused); !done) {
        return done;
    }
    narrator.heading("2. Administratively prohibited");
    if (Status done = reject(context, scenario, "admin-prohibited", lab::Outcome::Failed); !done) {
        return done;
    }
    narrator.heading("3. The rule is removed");
    return scenario.attempt({.name = "after"});
}

}  // namespace

Status run_ban_reject(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The firewall rejects SYNs to port 80 with an ICMP error. The application only sees an "
        "errno, and port unreachable looks like a closed port; the ICMP error shows who sent it.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
