// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A client that crashed connects again from the same port. The server still holds the old
// connection, and the reset that would clear it is dropped on the way.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 40'000;
constexpr std::uint16_t kOtherPort = 40'001;

Status run(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    std::optional<lab::Firewall> drop_resets;
    if (Status added =
            scenario.add_rule(drop_resets, context.lab.router(kFirewallRouter),
                              "iptables -A FORWARD -p tcp --dport 80 --tcp-flags RST RST -j DROP");
        !added) {
        return added;
    }
    narrator.heading("1. The client crashes in the middle of a connection");
    if (Status done = scenario.attempt(
            {.name = "before the crash", .exchange = {.local_port = kPort, .vanishes = true}});
        !done) {
        return done;
    }
    narrator.heading("2. It connects again, from the same port");
    if (Status done = scenario.attempt({.name = "from the same port",
                                        .exchange = {.local_port = kPort, .timeout = 3500ms},
                                        .outcome = lab::Outcome::TimedOut,
                                        .finding = {.kind = "stale-connection"}});
        !done) {
        return done;
    }
    narrator.heading("3. A fix: another port");
    if (Status done =
            scenario.attempt({.name = "from another port", .exchange = {.local_port = kOtherPort}});
        !done) {
        return done;
    }
    narrator.heading("4. The other fix: the reset passes, and clears the old connection");
    if (Status removed = scenario.remove_rule(drop_resets); !removed) {
        return removed;
    }
    return scenario.attempt({.name = "the reset passes", .exchange = {.local_port = kPort}});
}

}  // namespace

Status run_stale_connection(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The client's host crashes and boots again; the server still considers the connection "
        "open. The client's program always uses the same port. The server answers its SYN with an "
        "ACK of the old connection, and the client's kernel resets that, so that the next SYN is "
        "accepted. But the firewall drops resets to the server.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
