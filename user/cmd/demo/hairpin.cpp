// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A client connects to a server in its own network by the public address: the router translates the
// destination but not the source, and the answer takes the direct path.
#include <fmt/format.h>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/lan.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDrawing =
    "client 192.0.2.10 --+\n"
    "                    +-- (switch) -- 192.0.2.1 router 203.0.113.1\n"
    "server 192.0.2.20 --+";

constexpr std::uint16_t kPort = 80;

Status run(const DemoContext& context, const lab::Lan& lan, Case& scenario) {
    Narrator& narrator = context.narrator;
    const std::string server = lan.server().address().text();
    std::optional<lab::Firewall> destination, source;
    if (Status added = scenario.add_rule(
            destination, lan.router(),
            fmt::format("iptables -t nat -A PREROUTING -p tcp -d {} --dport {} -j DNAT "
                        "--to-destination {}",
                        lab::Lan::public_address().text(), kPort, server));
        !added) {
        return added;
    }
    narrator.heading("1. The answer comes from another address");
    if (Status done = scenario.attempt({.name = "by the public address",
                                        .exchange = {.timeout = 3500ms},
                                        .outcome = lab::Outcome::TimedOut,
                                        .finding = {.kind = "return-path-mismatch"}});
        !done) {
        return done;
    }
    narrator.heading("2. The fix: the router also translates the source");
    if (Status added =
            scenario.add_rule(source, lan.router(),
                              fmt::format("iptables -t nat -A POSTROUTING -p tcp -s 192.0.2.0/24 "
                                          "-d {} --dport {} -j MASQUERADE",
                                          server, kPort));
        !added) {
        return added;
    }
    return scenario.attempt({.name = "with source translation"});
}

}  // namespace

Status run_hairpin(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "Client and server are neighbours. The client connects to the router's public address; the "
        "router forwards the SYN to the server (DNAT), which answers its neighbour directly. The "
        "client's kernel never sent anything to that address: it resets the answer, and goes on "
        "waiting for the right one.");
    context.narrator.figure(kDrawing);
    const auto lan = lab::Lan::create();
    if (!lan) {
        return std::unexpected(lan.error());
    }
    const lab::Namespace& client = lan->client();
    const Case::Setting setting{.client = client,
                                .server = lan->server(),
                                .address = {lab::Lan::public_address(), kPort},
                                .watch = {client, {client.toward(lab::Side::Server).name}}};
    return run_case(context, setting, summary, [&](const DemoContext& where, Case& scenario) {
        return run(where, *lan, scenario);
    });
}

}  // namespace flowstamp::cmd::demo
