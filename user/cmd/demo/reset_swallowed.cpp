// SPDX-License-Identifier: Apache-2.0
//
// A server that rejects, and whose own firewall keeps the rejection from leaving it.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

Status play(const DemoContext& context, Case& story) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& server = context.lab.server();
    std::optional<lab::Firewall> reject, swallow;
    Status put = story.put(reject, server,
                           "iptables -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    if (put) {
        put = story.put(swallow, server, "iptables -A OUTPUT -p tcp --tcp-flags RST RST -j DROP");
    }
    if (!put) {
        return put;
    }
    narrator.heading("1. Silence");
    if (Status done = story.attempt({.name = "rejected, swallowed",
                                     .exchange = {.timeout = 3500ms},
                                     .outcome = lab::Outcome::TimedOut,
                                     .finding = {.kind = "syn-unanswered"}});
        !done) {
        return done;
    }
    narrator.heading("2. Let the answer out: it is a refusal, from the server's own distance");
    if (Status lifted = story.lift(swallow); !lifted) {
        return lifted;
    }
    if (Status done = story.attempt({.name = "rejected",
                                     .outcome = lab::Outcome::Refused,
                                     .finding = {.kind = "syn-refused", .hops = 3}});
        !done) {
        return done;
    }
    narrator.heading("3. Mended");
    if (Status lifted = story.lift(reject); !lifted) {
        return lifted;
    }
    return story.attempt({.name = "after"});
}

}  // namespace

Status play_reset_swallowed(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The server's firewall rejects connections to port 80 with a reset. Another rule of its, "
        "against some scan of long ago, drops every reset that leaves. So the client, which "
        "should be told at once, waits.");
    context.narrator.figure(path_drawing(context.lab, false));
    return play_case(context, Case::usual(context), closing, play);
}

}  // namespace flowstamp::cmd::demo
