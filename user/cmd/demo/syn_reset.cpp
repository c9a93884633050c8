// SPDX-License-Identifier: Apache-2.0
//
// A connection refused by a box in the path, and one refused by the server itself: the same errno.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

constexpr const char* kBan =
    "iptables -I FORWARD -p tcp --syn --dport 80 -j REJECT --reject-with tcp-reset";
constexpr std::uint16_t kClosedPort = 81;
constexpr unsigned kServerHops = 3;  // the routers between

Attempt refused(std::string name, unsigned hops) {
    return {.name = std::move(name),
            .outcome = lab::Outcome::Refused,
            .finding = {.kind = "syn-refused", .hops = hops}};
}

Status play(const DemoContext& context, Case& story) {
    Narrator& narrator = context.narrator;
    if (Status done = story.attempt({.name = "before"}); !done) {
        return done;
    }
    narrator.heading("1. A box refuses in the server's name");
    std::optional<lab::Firewall> ban;
    if (Status put = story.put(ban, context.lab.router(kFirewallRouter), kBan); !put) {
        return put;
    }
    if (Status done = story.attempt(refused("refused by the box", kFirewallRouter - 1)); !done) {
        return done;
    }
    if (Status lifted = story.lift(ban); !lifted) {
        return lifted;
    }
    if (Status done = story.attempt({.name = "after"}); !done) {
        return done;
    }
    narrator.heading("2. The server itself refuses: nobody listens at that port");
    Attempt closed = refused("refused by the server", kServerHops);
    closed.exchange.server = {context.lab.server().address(), kClosedPort};
    return story.attempt(closed);
}

}  // namespace

Status play_syn_reset(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The firewall answers SYNs to port 80 with a reset in the server's name, as it does for a "
        "network that it does not want reached. The application is told what it would be told of "
        "a closed port: connection refused.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play);
}

}  // namespace flowstamp::cmd::demo
