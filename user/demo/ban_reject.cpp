// SPDX-License-Identifier: Apache-2.0
//
// A router answers the client's SYNs with ICMP errors, of two kinds.
#include "user/demo/case.h"
#include "user/demo/drawing.h"
#include "user/demo/scenario.h"

namespace flowstamp::demo {
namespace {

using namespace std::chrono_literals;

/// An attempt under a rule that rejects with this ICMP type.
Status reject(const Stage& stage, Case& story, const std::string& type, lab::Outcome outcome) {
    std::optional<lab::Firewall> ban;
    Status put = story.put(
        ban, stage.lab.router(kFirewallRouter),
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

Status play(const Stage& stage, Case& story) {
    Narrator& narrator = stage.narrator;
    narrator.heading("1. Port unreachable");
    if (Status done = reject(stage, story, "port-unreachable", lab::Outcome::Refused); !done) {
        return done;
    }
    narrator.heading("2. Administratively prohibited");
    if (Status done = reject(stage, story, "admin-prohibited", lab::Outcome::Failed); !done) {
        return done;
    }
    narrator.heading("3. Mended");
    return story.attempt({.name = "after"});
}

}  // namespace

Status play_ban_reject(const Stage& stage, Closing& closing) {
    stage.narrator.paragraph(
        "The firewall rejects SYNs to port 80 with an ICMP error. The application only sees an "
        "errno, and port unreachable looks like a closed port; the error itself says who sent it.");
    stage.narrator.figure(path_drawing(stage.lab, true));
    return play_case(stage, Case::usual(stage), closing, play);
}

}  // namespace flowstamp::demo
