// SPDX-License-Identifier: Apache-2.0
//
// Established connections that a router bans and lets go again: once what the client says is lost,
// once what the server answers. And one whose ban is a reset.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kBanAfter = 600ms;
constexpr auto kLiftAfter = 2600ms;

/// Says something twenty times a second for two seconds, if nothing comes between.
constexpr lab::ExchangeOptions kTalk{.rounds = 40, .pause = 50ms, .timeout = 12s};

Status stall(const DemoContext& context, Case& story, const std::string& name, const std::string& match) {
    std::optional<lab::Firewall> ban;
    const auto begin = [&] {
        return story.put(ban, context.lab.router(kFirewallRouter),
                         "iptables -I FORWARD -p tcp " + match + " -j DROP");
    };
    return story.attempt(
        {.name = name,
         .exchange = kTalk,
         .cues = {{kBanAfter, begin}, {kLiftAfter, [&] { return story.lift(ban); }}},
         .finding = {.kind = "stalled", .resolution = "recovered"}});
}

Status play_stalls(const DemoContext& context, Case& story) {
    Narrator& narrator = context.narrator;
    narrator.heading("1. What the client says is lost");
    if (Status done = stall(context, story, "to the server", "--dport 80"); !done) {
        return done;
    }
    narrator.heading("2. What the server answers is lost");
    return stall(context, story, "from the server", "--sport 80");
}

Status play_reset(const DemoContext& context, Case& story) {
    Narrator& narrator = context.narrator;
    narrator.heading("1. The ban");
    std::optional<lab::Firewall> ban;
    const auto begin = [&] {
        return story.put(ban, context.lab.router(kFirewallRouter),
                         "iptables -I FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    };
    if (Status done = story.attempt({.name = "blocked",
                                     .exchange = kTalk,
                                     .cues = {{kBanAfter, begin}},
                                     .outcome = lab::Outcome::Reset,
                                     .finding = {.kind = "forged-rst", .hops = 1}});
        !done) {
        return done;
    }
    narrator.heading("2. Mended");
    if (Status lifted = story.lift(ban); !lifted) {
        return lifted;
    }
    return story.attempt({.name = "after", .exchange = kTalk});
}

}  // namespace

Status play_ban_established(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The client and the server talk. In the middle of it the firewall begins to drop, in one "
        "direction only; two seconds later the ban is lifted. Nothing was ever closed.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play_stalls);
}

Status play_ban_reset(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The client and the server talk. In the middle of it an operator bans the connection on "
        "the firewall, with a reset, so that the client does not hang. It bears the server's "
        "address; but it is the router that sends it.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play_reset);
}

}  // namespace flowstamp::cmd::demo
