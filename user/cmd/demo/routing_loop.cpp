// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Two routers whose routes to the server point at each other. Watched on the client, which hears of
// it, and on one of the routers, which the packets pass again and again.
#include <fmt/format.h>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDrawing =
    "   client ----- router1 <===> router2 ----- router3 ----- server\n"
    "198.51.100.2                                            203.0.113.2";

/// Routes packets to the server through router 2's neighbour on that side.
Status set_route(const DemoContext& context, Case& scenario, lab::Side side) {
    const lab::Namespace& router = context.lab.router(2);
    return scenario.execute(router, fmt::format("ip route replace 203.0.113.0/24 via {}",
                                                router.toward(side).neighbour_ipv4.text()));
}

/// A connection in the loop, and one after the fix. `place`: where flowstamp runs.
Status loop(const DemoContext& context, Case& scenario, const std::string& place,
            const std::string& verdict) {
    if (Status done = scenario.attempt({.name = place + ", before"}); !done) {
        return done;
    }
    if (Status routed = set_route(context, scenario, lab::Side::Client); !routed) {
        return routed;
    }
    if (Status done = scenario.attempt({.name = place + ", in the loop",
                                        .exchange = {.timeout = 5s},
                                        .outcome = lab::Outcome::Failed,
                                        .finding = {.kind = "routing-loop", .verdict = verdict}});
        !done) {
        return done;
    }
    context.narrator.line("The fix: router2's route leads on to router3.");
    context.narrator.gap();
    if (Status routed = set_route(context, scenario, lab::Side::Server); !routed) {
        return routed;
    }
    return scenario.attempt({.name = place + ", after"});
}

}  // namespace

Status run_routing_loop(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "router1 sends packets to the server on to router2. A wrong route on router2 sends them "
        "back to router1, and so on, until their TTL runs out. The router at which it does tells "
        "the client (ICMP time exceeded); the application only sees \"no route to host\".");
    narrator.figure(kDrawing);
    const auto watch = [&](const Case::Setting& setting, const std::string& verdict) {
        return run_case(context, setting, summary, [&](const DemoContext& where, Case& scenario) {
            return loop(where, scenario, setting.watch.host.role(), verdict);
        });
    };
    const Case::Setting on_client = Case::usual(context);
    narrator.heading("1. Watched on the client: what a router says");
    if (Status done = watch(on_client, "suspected"); !done) {
        return done;
    }
    narrator.heading("2. Watched on router2: what passes");
    const lab::Namespace& router = context.lab.router(2);
    return watch({.client = on_client.client,
                  .server = on_client.server,
                  .address = on_client.address,
                  .watch = {router, {router.toward(lab::Side::Client).name}}},
                 "confirmed");
}

}  // namespace flowstamp::cmd::demo
