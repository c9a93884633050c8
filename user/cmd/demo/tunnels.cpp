// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// TCP inside tunnels, watched on a router that sees only the outer packets: a firewall behind the
// tunnel's end forges resets, named and dropped by the headers inside.
#include <fmt/format.h>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/injector.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDrawing =
    "client --- router1 === router2 === router3 --- router4 --- router5 --- server\n"
    "                      (watched)               (firewall)";

constexpr unsigned kRouters = 5;
constexpr unsigned kNear = 1, kWatched = 2, kFar = 3, kFirewall = 4;

/// The networks of the client and of the server.
constexpr const char* kClients = "198.51.100.0/24";
constexpr const char* kServers = "203.0.113.0/24";

/// Twenty rounds a second for two seconds, unless interrupted.
constexpr lab::ExchangeOptions kTalk{.rounds = 40, .pause = 50ms, .timeout = 12s};

Status execute_all(Case& scenario, const lab::Namespace& host,
                   const std::vector<std::string>& commands) {
    for (const std::string& command : commands) {
        if (Status done = scenario.execute(host, command); !done) {
            return done;
        }
    }
    return {};
}

/// Ethernet in UDP in IPv4 (RFC 7348), with a network of its own between the two ends.
Status add_vxlan(const DemoContext& context, Case& scenario) {
    const lab::Namespace& near = context.lab.router(kNear);
    const lab::Namespace& far = context.lab.router(kFar);
    const auto commands = [](const lab::Interface& own, const lab::Interface& peer,
                             unsigned address, unsigned neighbour, const char* destination) {
        return std::vector<std::string>{
            fmt::format("ip link add tunnel type vxlan id 42 local {} remote {} dstport 4789 "
                        "dev {}",
                        own.ipv4.text(), peer.ipv4.text(), own.name),
            fmt::format("ip address add 192.0.2.{}/30 dev tunnel", address),
            "ip link set tunnel up",
            fmt::format("ip route replace {} via 192.0.2.{}", destination, neighbour)};
    };
    const lab::Interface& outer_near = near.toward(lab::Side::Server);
    const lab::Interface& outer_far = far.toward(lab::Side::Client);
    const Status done =
        execute_all(scenario, near, commands(outer_near, outer_far, 253, 254, kServers));
    return done ? execute_all(scenario, far, commands(outer_far, outer_near, 254, 253, kClients))
                : done;
}

/// IPv4 in IPv6, by a segment at each end (RFC 8986: H.Encaps.Red and End.DX4).
Status add_ipv4_in_ipv6(const DemoContext& context, Case& scenario) {
    constexpr const char* kNearSegment = "2001:db8:100::4";
    constexpr const char* kFarSegment = "2001:db8:113::4";
    const lab::Namespace& near = context.lab.router(kNear);
    const lab::Namespace& far = context.lab.router(kFar);
    const auto commands = [](const lab::IpAddress& inner, const char* segment,
                             const lab::Interface& outer, const char* peer,
                             const char* destination) {
        return std::vector<std::string>{
            fmt::format("ip -6 route add {} encap seg6local action End.DX4 nh4 {} dev {}", segment,
                        inner.text(), outer.name),
            fmt::format("ip route replace {} encap seg6 mode encap.red segs {} dev {}", destination,
                        peer, outer.name)};
    };
    const Status done =
        execute_all(scenario, near,
                    commands(context.lab.client().address(), kNearSegment,
                             near.toward(lab::Side::Server), kFarSegment, kServers));
    return done ? execute_all(scenario, far,
                              commands(context.lab.server().address(), kFarSegment,
                                       far.toward(lab::Side::Client), kNearSegment, kClients))
                : done;
}

/// The firewall's rule resets a connection; without it the next one is fine.
Status reset_inside(const DemoContext& context, Case& scenario, const std::string& tunnel,
                    unsigned hops) {
    std::optional<lab::Firewall> block;
    const auto begin = [&] {
        return scenario.add_rule(
            block, context.lab.router(kFirewall),
            "iptables -I FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    };
    Status done = scenario.attempt({.name = tunnel + ", blocked",
                                    .exchange = kTalk,
                                    .actions = {{600ms, begin}},
                                    .outcome = lab::Outcome::Reset,
                                    .finding = {.kind = "forged-rst", .hops = hops}});
    if (done) {
        done = scenario.remove_rule(block);
    }
    return done ? scenario.attempt({.name = tunnel + ", rule removed", .exchange = kTalk}) : done;
}

Status run_watched(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    narrator.heading("1. VXLAN");
    Status done = add_vxlan(context, scenario);
    if (done) {
        done = reset_inside(context, scenario, "VXLAN", 1);
    }
    if (done) {
        narrator.heading("2. IPv4 in IPv6");
        narrator.paragraph(
            "Where a packet enters this tunnel its own TTL stays as it is: router3 is no hop.");
        done = add_ipv4_in_ipv6(context, scenario);
    }
    return done ? reset_inside(context, scenario, "IPv4 in IPv6", 0) : done;
}

/// A RST+ACK as in the main scenario, once, after ten rounds.
lab::Injection forger() {
    return {.trigger = {.on = lab::Trigger::On::ServerData, .after_server_bytes = 1000}};
}

Status run_dropped(const DemoContext& context, Case& scenario) {
    const auto box = lab::Injector::start(context.lab.router(kFirewall), forger());
    if (!box) {
        return std::unexpected(box.error());
    }
    return scenario.attempt(
        {.name = "--drop confirmed",
         .exchange = kTalk,
         .finding = {
             .kind = "forged-rst", .resolution = "went-on", .verdict = "confirmed", .hops = 0}});
}

}  // namespace

Status run_tunnels(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "router1 and router3 are the ends of a tunnel. router2, between them, forwards what they "
        "send to each other; the client's connections are inside. A firewall behind the far end "
        "resets them. flowstamp runs on router2, and judges by the packets inside: their "
        "addresses, ports and TTLs.");
    narrator.figure(kDrawing);
    const auto lab = lab::Lab::create({.routers = kRouters});
    if (!lab) {
        return std::unexpected(lab.error());
    }
    const DemoContext here{narrator, *lab, context.stop};
    const auto watched = [&](std::vector<std::string> arguments) {
        const lab::Namespace& router = lab->router(kWatched);
        const Case::Setting usual = Case::usual(here);
        return Case::Setting{
            .client = usual.client,
            .server = usual.server,
            .address = usual.address,
            .watch = {router, {router.toward(lab::Side::Server).name}, std::move(arguments)}};
    };
    if (Status done = run_case(here, watched({}), summary, run_watched); !done) {
        return done;
    }
    narrator.heading("3. --drop confirmed");
    narrator.paragraph(
        "Now the firewall forges one reset, and lets everything else pass. router2 drops the outer "
        "packet with the reset inside. (It could not challenge that reset: once it is changed, the "
        "checksums outside no longer fit.)");
    return run_case(here, watched({"--drop", "confirmed"}), summary, run_dropped);
}

}  // namespace flowstamp::cmd::demo
