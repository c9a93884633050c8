// SPDX-License-Identifier: Apache-2.0
//
// A firewall answers a SYN with a forged reset, and lets it pass: the server's own answer follows.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/forwarder.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// To each SYN a RST+ACK as a closed port has it, long before the server can have answered. What no
/// kernel does: all bear one IP-ID.
lab::ForwarderOptions firewall() {
    return {.link = {.delay = 5ms},
            .injection = lab::Injection{
                .trigger = {.on = lab::Trigger::On::Syn},
                .forgery = {.ip_id = lab::IpId::constant(0x7a31), .seq = lab::Seq::absolute(0)}}};
}

Attempt refused(const std::string& name) {
    return {.name = name,
            .outcome = lab::Outcome::Refused,
            .finding = {.kind = "forged-rst", .hops = kFirewallRouter - 1}};
}

Attempt saved(const std::string& name) {
    return {.name = name, .finding = {.kind = "forged-rst", .hops = kFirewallRouter - 1}};
}

Status play(const DemoContext& context, Case& story, const std::vector<Attempt>& attempts) {
    if (Status done = story.attempt({.name = "before"}); !done) {
        return done;
    }
    const auto box = lab::Forwarder::start(context.lab, kFirewallRouter, firewall());
    if (!box) {
        return std::unexpected(box.error());
    }
    for (const Attempt& attempt : attempts) {
        if (Status done = story.attempt(attempt); !done) {
            return done;
        }
    }
    return {};
}

}  // namespace

Status play_syn_reset_once(const DemoContext& context, Closing& closing) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "The firewall lets the client's SYN pass, and answers it all the same, with a reset in "
        "the server's name. The server's own answer comes a moment later, to a socket that has "
        "been refused.");
    narrator.figure(path_drawing(context.lab, true));
    const auto act = [&](std::vector<std::string> arguments, std::vector<Attempt> attempts) {
        return play_case(
            context, Case::usual(context, std::move(arguments)), closing,
            [&](const DemoContext& where, Case& story) { return play(where, story, attempts); });
    };
    narrator.heading("1. Watched");
    if (Status played = act({}, {refused("watch")}); !played) {
        return played;
    }
    narrator.paragraph(
        "Told, and too late: when the reset comes, nothing else of its connection has, so there "
        "is nothing to hold it against, and a socket that waits for its first answer cannot be "
        "made to ask. The proof is the server's own answer, a moment later.");
    narrator.heading("2. --drop confirmed");
    if (Status played =
            act({"--drop", "confirmed"}, {refused("first"), refused("second"), saved("third")});
        !played) {
        return played;
    }
    narrator.gap();
    narrator.paragraph(
        "Two confirmed resets with one signature, from one distance, are enough to learn what this "
        "box "
        "looks like: the third was known on arrival, and dropped; the server's answer came, and "
        "the connection lives. (flowstamp flows --learned lists such signatures.)");
    return {};
}

}  // namespace flowstamp::cmd::demo
