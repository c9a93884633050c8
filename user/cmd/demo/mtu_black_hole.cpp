// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A link of the path has a smaller MTU, and the ICMP errors that say so do not reach the client: a
// firewall in the path drops them, then its own.
#include <fmt/format.h>

#include <utility>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDrawing =
    "   client ----- router1 ----- router2 - - - router3 ----- server\n"
    "198.51.100.2  (firewall)            MTU 1400            203.0.113.2";

constexpr const char* kDropIcmp = "-p icmp -j DROP";
constexpr const char* kClamp =
    "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu";

/// The link between these two routers is the narrow one.
constexpr unsigned kNear = 2, kFar = 3;

/// A request of two full segments and a smaller one.
constexpr lab::ExchangeOptions large(std::chrono::milliseconds timeout = 20s) {
    return {.rounds = 1, .bytes = 4000, .timeout = timeout};
}

Status narrow_link(const DemoContext& context, Case& scenario) {
    for (const auto& [router, side] :
         {std::pair{kNear, lab::Side::Server}, std::pair{kFar, lab::Side::Client}}) {
        const lab::Namespace& host = context.lab.router(router);
        const Status set =
            scenario.execute(host, fmt::format("ip link set {} mtu 1400", host.toward(side).name));
        if (!set) {
            return set;
        }
    }
    return {};
}

/// The errors are dropped on the way; the connection waits until they pass.
Status drop_in_path(const DemoContext& context, Case& scenario) {
    std::optional<lab::Firewall> block;
    Status done = scenario.add_rule(block, context.lab.router(1),
                                    fmt::format("iptables -I FORWARD {}", kDropIcmp));
    if (done) {
        done = scenario.attempt({.name = "small requests"});
    }
    if (!done) {
        return done;
    }
    return scenario.attempt(
        {.name = "large, until ICMP passes",
         .exchange = large(),
         .actions = {{.run = [&] { return scenario.remove_rule(block); },
                      .once_reported = "mtu-black-hole"}},
         .finding = {.kind = "mtu-black-hole", .resolution = "recovered", .verdict = "suspected"}});
}

Status forget_mtu(const DemoContext& context, Case& scenario) {
    context.narrator.paragraph(
        "Both ends have learned the path's MTU by now, and would keep to it for ten minutes: they "
        "are made to forget it.");
    const Status done = scenario.execute(context.lab.client(), "ip route flush cache");
    return done ? scenario.execute(context.lab.server(), "ip route flush cache") : done;
}

Status run(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    if (Status narrow = narrow_link(context, scenario); !narrow) {
        return narrow;
    }
    narrator.heading("1. A firewall drops the ICMP errors; the fix: let them pass");
    if (Status done = drop_in_path(context, scenario); !done) {
        return done;
    }
    narrator.heading("2. They arrive, but the client's own firewall drops them");
    if (Status done = forget_mtu(context, scenario); !done) {
        return done;
    }
    std::optional<lab::Firewall> block, clamp;
    if (Status added = scenario.add_rule(block, context.lab.client(),
                                         fmt::format("iptables -I INPUT {}", kDropIcmp));
        !added) {
        return added;
    }
    if (Status done =
            scenario.attempt({.name = "large, ICMP ignored",
                              .exchange = large(4s),
                              .outcome = lab::Outcome::TimedOut,
                              .finding = {.kind = "mtu-black-hole", .verdict = "confirmed"}});
        !done) {
        return done;
    }
    narrator.heading("3. The fix without ICMP: router2 clamps the MSS of both ends");
    if (Status added = scenario.add_rule(clamp, context.lab.router(kNear), kClamp); !added) {
        return added;
    }
    return scenario.attempt({.name = "large, MSS clamped", .exchange = large()});
}

}  // namespace

Status run_mtu_black_hole(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "Behind router2 a link carries packets of 1400 bytes at the most, as a tunnel or PPPoE "
        "does; both ends send up to 1500. router2 drops the larger ones, and says so in an ICMP "
        "error (fragmentation needed). Without it the client sends them again and again: small "
        "requests are answered, large ones hang.");
    context.narrator.figure(kDrawing);
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
