// SPDX-License-Identifier: Apache-2.0
//
// A router answers the client's SYNs with ICMP errors, of two kinds.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// An attempt under a rule that rejects with this ICMP type.
Status reject(const DemoContext& context, Case& story, const std::string& type, lab::Outcome outcome) {
    std::optional<lab::Firewall> ban;
    Status put = story.put(
        ban, context.lab.router(kFirewallRouter),
        "iptables -I FORWARD -p tcp --syn --dport 80 -j REJECT --reject-with icmp-" + type);
    if (!put) {
        return put;
    }
    const Status done = story.attempt({.name = type,
                                       .exchange = {.timeout = 5s},
                                       .outcome = outcome,
                                       .finding = {.kind = "icmp-rejected"}});
    return done ? story.lift(ban) : done;
}

Status play(const DemoContext& context, Case& story) {
    Narrator& narrator = context.narrator;
    narrator.heading("1. Port unreachable");
    if (Status done = reject(context, story, "port-unreachable", lab::Outcome::Refused); !done) {
        return done;
    }
    narrator.heading("2. Administratively prohibited");
    if (Status done = reject(context, story, "admin-prohibited", lab::Outcome::Failed); !done) {
        return done;
    }
    narrator.heading("3. Mended");
    return story.attempt({.name = "after"});
}

}  // namespace

Status play_ban_reject(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The firewall rejects SYNs to port 80 with an ICMP error. The application only sees an "
        "errno, and port unreachable looks like a closed port; the error itself says who sent it.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play);
}

}  // namespace flowstamp::cmd::demo
