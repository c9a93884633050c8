// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A stateful firewall times out an idle connection, and then drops or resets its packets. Keepalive
// probes prevent that.
#include <array>
#include <utility>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdleTime = 11s;
constexpr auto kKeepalive = 2s;
constexpr const char* kTimeout = "5";  // seconds

/// The rule for segments of unknown connections.
constexpr const char* kDrop = "iptables -A FORWARD -p tcp -j DROP";
constexpr const char* kReset = "iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset";

/// Two rounds with a long pause between them.
lab::ExchangeOptions talk() {
    return {.rounds = 2, .pause = kIdleTime, .timeout = kIdleTime + 4s};
}

/// A firewall that accepts known connections and SYNs; it picks up no connection midway, and times
/// an idle one out after five seconds instead of the usual five days.
class StatefulFirewall {
  public:
    Status set_up(Case& scenario, const lab::Namespace& router, const char* last_rule) {
        const std::array<std::string, 3> commands = {
            "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
            "iptables -A FORWARD -p tcp --syn -m conntrack --ctstate NEW -j ACCEPT", last_rule};
        for (std::size_t i = 0; i < commands.size(); ++i) {
            if (Status added = scenario.add_rule(rules_[i], router, commands[i]); !added) {
                return added;
            }
        }
        for (const auto& [name, value] :
             {std::pair{"nf_conntrack_tcp_timeout_established", kTimeout},
              std::pair{"nf_conntrack_tcp_loose", "0"}}) {
            if (Status set = scenario.set(router, std::string("net.netfilter.") + name, value);
                !set) {
                return set;
            }
        }
        return {};
    }

  private:
    std::array<std::optional<lab::Firewall>, 3> rules_;
};

Status run(const DemoContext& context, Case& scenario, const char* last_rule,
           lab::Outcome outcome) {
    Narrator& narrator = context.narrator;
    StatefulFirewall firewall;
    if (Status up = firewall.set_up(scenario, context.lab.router(kFirewallRouter), last_rule);
        !up) {
        return up;
    }
    narrator.heading("1. The connection idles for 11 s, then goes on");
    if (Status done = scenario.attempt({.name = "after idling",
                                        .exchange = talk(),
                                        .outcome = outcome,
                                        .finding = {.kind = "idle-timeout"}});
        !done) {
        return done;
    }
    narrator.heading("2. The fix: keepalive probes every 2 s (SO_KEEPALIVE, TCP_KEEPIDLE)");
    lab::ExchangeOptions kept = talk();
    kept.keepalive = kKeepalive;
    return scenario.attempt({.name = "with keepalive", .exchange = kept});
}

Status run_dropped(const DemoContext& context, Case& scenario) {
    return run(context, scenario, kDrop, lab::Outcome::TimedOut);
}

Status run_reset(const DemoContext& context, Case& scenario) {
    return run(context, scenario, kReset, lab::Outcome::Reset);
}

}  // namespace

Status run_idle_timeout(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The firewall tracks connections (conntrack), and times out one that idles for 5 s. Its "
        "next packet belongs to no known connection and is no SYN, so it is dropped. Both ends "
        "still consider the connection open; such firewalls are why database connection pools hang "
        "in the morning.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run_dropped);
}

Status run_idle_reset(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "As in idle-timeout: the firewall times out a connection that idles for 5 s. But this one "
        "answers packets of unknown connections with a reset, in the server's name.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run_reset);
}

}  // namespace flowstamp::cmd::demo
