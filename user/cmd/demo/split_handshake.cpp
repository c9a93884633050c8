// SPDX-License-Identifier: Apache-2.0
//
// A box in the path answers the handshake itself, and hands the connection to the server only then:
// a SYN proxy, as anti-DDoS filters have it.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

Status play(const DemoContext& context, Case& story) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& router = context.lab.router(kFirewallRouter);
    std::optional<lab::Firewall> untracked, proxy;
    Status put = story.put(untracked, router,
                           "iptables -t raw -A PREROUTING -p tcp --dport 80 --syn -j CT --notrack");
    if (put) {
        put = story.put(proxy, router,
                        "iptables -A FORWARD -p tcp --dport 80 -m conntrack --ctstate "
                        "INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss "
                        "1460");
    }
    if (put) {
        put = story.set(router, "net.netfilter.nf_conntrack_tcp_loose", "0");
    }
    if (!put) {
        return put;
    }
    narrator.heading("1. The firewall shakes hands in the server's place");
    if (Status done = story.attempt({.name = "through the SYN proxy",
                                     .exchange = {.rounds = 10, .pause = 20ms},
                                     .finding = {.kind = "ttl-shift"}});
        !done) {
        return done;
    }
    narrator.heading("2. Without it, all comes from the server");
    for (std::optional<lab::Firewall>* rule : {&proxy, &untracked}) {
        if (Status lifted = story.lift(*rule); !lifted) {
            return lifted;
        }
    }
    return story.attempt({.name = "straight", .exchange = {.rounds = 10, .pause = 20ms}});
}

}  // namespace

Status play_split_handshake(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The firewall guards the server against SYN floods: it answers each SYN itself, with the "
        "server's address, and bothers the server only when the client has shaken hands. Nothing "
        "is broken. But that the port answers says nothing of the server any more.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play);
}

}  // namespace flowstamp::cmd::demo
