// SPDX-License-Identifier: Apache-2.0
//
// A client calls a server of its own network by the public address: the router translates where it
// goes, not where it comes from, and the answer takes the short way.
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

Status play(const DemoContext& context, const lab::Lan& lan, Case& story) {
    Narrator& narrator = context.narrator;
    const std::string server = lan.server().address().text();
    std::optional<lab::Firewall> destination, source;
    if (Status put =
            story.put(destination, lan.router(),
                      fmt::format("iptables -t nat -A PREROUTING -p tcp -d {} --dport {} -j DNAT "
                                  "--to-destination {}",
                                  lab::Lan::public_address().text(), kPort, server));
        !put) {
        return put;
    }
    narrator.heading("1. The answer comes from an address that was not asked");
    if (Status done = story.attempt({.name = "by the public address",
                                     .exchange = {.timeout = 3500ms},
                                     .outcome = lab::Outcome::TimedOut,
                                     .finding = {.kind = "return-path-mismatch"}});
        !done) {
        return done;
    }
    narrator.heading("2. The mend: the router puts itself in between for the way back, too");
    if (Status put = story.put(source, lan.router(),
                               fmt::format("iptables -t nat -A POSTROUTING -p tcp -s 192.0.2.0/24 "
                                           "-d {} --dport {} -j MASQUERADE",
                                           server, kPort));
        !put) {
        return put;
    }
    return story.attempt({.name = "with source translation"});
}

}  // namespace

Status play_hairpin(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "Client and server are neighbours. The client calls the server by the router's public "
        "address; the router hands the SYN on to the server (DNAT), which answers its neighbour "
        "directly. The client's kernel never called that address: it resets the answer, and goes "
        "on waiting for another one.");
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
    return play_case(context, setting, closing,
                     [&](const DemoContext& where, Case& story) { return play(where, *lan, story); });
}

}  // namespace flowstamp::cmd::demo
