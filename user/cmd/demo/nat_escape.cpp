// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Two gateways translate a service address to the server. In the middle of a connection the
// client's packets change to the other gateway: the first one, which the replies still pass, sees
// acknowledgements of data that it has not seen. Its conntrack holds them for INVALID, and they
// leave it untranslated.
#include <fmt/format.h>

#include <array>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/topology.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDrawing =
    "                    router2\n"
    "                   (gateway)\n"
    "                   /       \\\n"
    "   client --- router1 --- router3 --- server\n"
    "  (watched)              (gateway)    203.0.113.2";

constexpr unsigned kFork = 1, kGateway = kFirewallRouter, kOtherGateway = 3;
constexpr std::uint16_t kPort = lab::ServerOptions{}.port;
constexpr const char* kService = "192.0.2.100";

/// Twenty rounds a second for two seconds, unless interrupted.
constexpr lab::ExchangeOptions kTalk{.rounds = 40, .pause = 50ms, .timeout = 12s};
constexpr auto kChangeAfter = 600ms;

/// The rules of both gateways.
class Translation {
  public:
    Status set_up(const DemoContext& context, Case& scenario) {
        const std::string server = context.lab.server().address().text();
        const std::string translate = fmt::format(
            "iptables -t nat -A PREROUTING -p tcp -d {} --dport {} -j DNAT "
            "--to-destination {}",
            kService, kPort, server);
        // Conntrack of the other gateway must not know the connections that the first one has
        // translated: there they have the same addresses and ports as its own.
        const std::array rules = {
            std::pair{kGateway, translate},
            std::pair{kOtherGateway,
                      fmt::format("iptables -t raw -A PREROUTING -d {} -j CT --notrack", server)},
            std::pair{kOtherGateway,
                      fmt::format("iptables -t raw -A PREROUTING -s {} -j CT --notrack", server)},
            std::pair{kOtherGateway, translate}};
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const auto& [router, command] = rules[i];
            if (Status added = scenario.add_rule(rules_[i], context.lab.router(router), command);
                !added) {
                return added;
            }
        }
        return {};
    }

  private:
    std::array<std::optional<lab::Firewall>, 4> rules_;
};

Status run(const DemoContext& context, const lab::Shortcut& shortcut, Case& scenario) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& fork = context.lab.router(kFork);
    const lab::Namespace& gateway = context.lab.router(kGateway);
    const auto change = [&] {
        return scenario.execute(
            fork, fmt::format("ip route add {} via {}", kService, shortcut.far.text()));
    };
    Translation translation;
    Status done = translation.set_up(context, scenario);
    if (done) {
        done = scenario.set(gateway, "net.netfilter.nf_conntrack_tcp_be_liberal", "0");
    }
    if (!done) {
        return done;
    }
    narrator.heading("1. The client's packets change to the other gateway");
    done = scenario.attempt({.name = "gateway changes",
                             .exchange = kTalk,
                             .actions = {{kChangeAfter, change}},
                             .outcome = lab::Outcome::Reset,
                             .finding = {.kind = "nat-escape", .verdict = "confirmed"}});
    if (!done) {
        return done;
    }
    narrator.heading("2. The fix: router2 also translates what is out of window");
    done = scenario.execute(fork, fmt::format("ip route del {}", kService));
    if (done) {
        done = scenario.set(gateway, "net.netfilter.nf_conntrack_tcp_be_liberal", "1");
    }
    return done ? scenario.attempt({.name = "gateway changes, be_liberal",
                                    .exchange = kTalk,
                                    .actions = {{kChangeAfter, change}}})
                : done;
}

}  // namespace

Status run_nat_escape(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        fmt::format("The client knows the server by the address {} of a service, as in a cluster. "
                    "Two gateways translate it (DNAT): router2 and router3. The server's replies "
                    "return through router2. When the client's packets no longer pass there, "
                    "router2 sees acknowledgements of data that it has not seen: conntrack calls "
                    "these replies INVALID, and they leave as they are, with the server's own "
                    "address. The client's kernel knows no connection with that address: it sends "
                    "a reset, and that ends the server's side.",
                    kService));
    context.narrator.figure(kDrawing);
    const auto shortcut = lab::add_shortcut(context.lab, kFork, kOtherGateway);
    if (!shortcut) {
        return std::unexpected(shortcut.error());
    }
    const lab::Namespace& client = context.lab.client();
    const Case::Setting setting{.client = client,
                                .server = context.lab.server(),
                                .address = {lab::IpAddress::of(kService), kPort},
                                .watch = {client, {client.toward(lab::Side::Server).name}}};
    return run_case(context, setting, summary, [&](const DemoContext& where, Case& scenario) {
        return run(where, *shortcut, scenario);
    });
}

}  // namespace flowstamp::cmd::demo
