// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A firewall forwards a SYN, and answers it with a forged reset: the server's own answer follows.
#include <fmt/format.h>

#include <algorithm>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/forwarder.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// Answers each SYN with a RST+ACK as a closed port does, long before the server can answer. Unlike
/// any kernel's, all have the same IP-ID.
lab::ForwarderOptions firewall() {
    return {.link = {.delay = 5ms},
            .injection = lab::Injection{
                .trigger = {.on = lab::Trigger::On::Syn},
                .forgery = {.ip_id = lab::IpId::constant(0x7a31), .seq = lab::Seq::absolute(0)}}};
}

Attempt refused(const std::string& name, const lab::Endpoint& server = {}) {
    return {.name = name,
            .exchange = {.server = server},
            .outcome = lab::Outcome::Refused,
            .finding = {.kind = "forged-rst", .hops = kFirewallRouter - 1}};
}

Attempt saved(const std::string& name) {
    return {.name = name, .finding = {.kind = "forged-rst", .hops = kFirewallRouter - 1}};
}

/// A second address of the server, in another network.
constexpr const char* kElsewhere = "198.18.0.2";

Status add_address(const DemoContext& context, Case& scenario) {
    const lab::Interface& own = context.lab.server().toward(lab::Side::Client);
    const lab::Namespace& router = context.lab.hosts()[context.lab.hosts().size() - 2];
    const Status added = scenario.execute(
        context.lab.server(), fmt::format("ip addr add {}/32 dev {}", kElsewhere, own.name));
    return added ? scenario.execute(
                       router, fmt::format("ip route add {} via {}", kElsewhere, own.ipv4.text()))
                 : added;
}

Status run(const DemoContext& context, Case& scenario, const std::vector<Attempt>& attempts) {
    if (Status done = scenario.attempt({.name = "before"}); !done) {
        return done;
    }
    const bool goes_elsewhere = std::ranges::any_of(
        attempts, [](const Attempt& attempt) { return attempt.exchange.server.port != 0; });
    if (Status done = goes_elsewhere ? add_address(context, scenario) : Status{}; !done) {
        return done;
    }
    const auto box = lab::Forwarder::start(context.lab, kFirewallRouter, firewall());
    if (!box) {
        return std::unexpected(box.error());
    }
    for (const Attempt& attempt : attempts) {
        if (Status done = scenario.attempt(attempt); !done) {
            return done;
        }
    }
    return {};
}

}  // namespace

Status run_syn_reset_once(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "The firewall forwards the client's SYN, but also answers it with a reset in the server's "
        "name. The server's own answer comes a moment later, to a socket that has already been "
        "refused.");
    narrator.figure(path_drawing(context.lab, true));
    const auto run_watch = [&](std::vector<std::string> arguments, std::vector<Attempt> attempts) {
        return run_case(context, Case::usual(context, std::move(arguments)), summary,
                        [&](const DemoContext& where, Case& scenario) {
                            return run(where, scenario, attempts);
                        });
    };
    const lab::Endpoint elsewhere{.address = lab::IpAddress::of(kElsewhere),
                                  .port = Case::usual(context).address.port};
    narrator.heading("1. Watched");
    if (Status result = run_watch({}, {refused("watch")}); !result) {
        return result;
    }
    narrator.paragraph(
        "Reported, but too late: when the reset arrives, no other packet of the server has, so "
        "there is nothing to compare it with, and a socket in SYN-SENT cannot be made to send a "
        "challenge. The proof is the server's own answer, a moment later.");
    narrator.heading("2. --drop suspected");
    if (Status result =
            run_watch({"--drop", "suspected"},
                      {refused("first"), refused("elsewhere", elsewhere), saved("third")});
        !result) {
        return result;
    }
    narrator.gap();
    narrator.paragraph(
        "Two confirmed resets with one signature, from one distance, in the names of two unrelated "
        "hosts, are enough to learn what this box looks like: the third was suspected on arrival, "
        "and dropped; the server's answer came, and the connection lives. A signature alone never "
        "confirms, so --drop confirmed would have let it pass. (flowstamp flows --learned lists "
        "such signatures.)");
    return {};
}

}  // namespace flowstamp::cmd::demo
