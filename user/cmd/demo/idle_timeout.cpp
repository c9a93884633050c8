// SPDX-License-Identifier: Apache-2.0
//
// A stateful firewall forgets a connection that rests, and what comes then is no connection that it
// knows: it is dropped, or reset. Keepalive probes keep it known.
#include <array>
#include <utility>

#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kRest = 11s;
constexpr auto kKeepalive = 2s;
constexpr const char* kRemembers = "5";  // seconds

/// What it does with a segment of a connection that it does not know.
constexpr const char* kDrop = "iptables -A FORWARD -p tcp -j DROP";
constexpr const char* kReset = "iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset";

/// Two rounds with a long rest between.
lab::ExchangeOptions talk() {
    return {.rounds = 2, .pause = kRest, .timeout = kRest + 4s};
}

/// A firewall that lets pass what it knows, and SYNs; it takes up no connection midway, and forgets
/// one that rests for five seconds instead of the usual five days.
class StatefulFirewall {
  public:
    Status set_up(Case& story, const lab::Namespace& router, const char* last_rule) {
        const std::array<std::string, 3> commands = {
            "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
            "iptables -A FORWARD -p tcp --syn -m conntrack --ctstate NEW -j ACCEPT", last_rule};
        for (std::size_t i = 0; i < commands.size(); ++i) {
            if (Status put = story.put(rules_[i], router, commands[i]); !put) {
                return put;
            }
        }
        for (const auto& [name, value] :
             {std::pair{"nf_conntrack_tcp_timeout_established", kRemembers},
              std::pair{"nf_conntrack_tcp_loose", "0"}}) {
            if (Status set = story.set(router, std::string("net.netfilter.") + name, value); !set) {
                return set;
            }
        }
        return {};
    }

  private:
    std::array<std::optional<lab::Firewall>, 3> rules_;
};

Status play(const DemoContext& context, Case& story, const char* last_rule, lab::Outcome outcome) {
    Narrator& narrator = context.narrator;
    StatefulFirewall firewall;
    if (Status up = firewall.set_up(story, context.lab.router(kFirewallRouter), last_rule); !up) {
        return up;
    }
    narrator.heading("1. It rests for 11 s, and then goes on");
    if (Status done = story.attempt({.name = "after a rest",
                                     .exchange = talk(),
                                     .outcome = outcome,
                                     .finding = {.kind = "idle-timeout"}});
        !done) {
        return done;
    }
    narrator.heading("2. The mend: keepalive probes, each 2 s (SO_KEEPALIVE, TCP_KEEPIDLE)");
    lab::ExchangeOptions kept = talk();
    kept.keepalive = kKeepalive;
    return story.attempt({.name = "with keepalive", .exchange = kept});
}

Status play_dropped(const DemoContext& context, Case& story) {
    return play(context, story, kDrop, lab::Outcome::TimedOut);
}

Status play_reset(const DemoContext& context, Case& story) {
    return play(context, story, kReset, lab::Outcome::Reset);
}

}  // namespace

Status play_idle_timeout(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The firewall follows connections (conntrack), and forgets one that rests for 5 s. What "
        "then comes is new to it, yet no SYN: it is dropped. Both ends still believe in their "
        "connection; such a firewall is behind many a database pool that hangs in the morning.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play_dropped);
}

Status play_idle_reset(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "As in idle-timeout: the firewall forgets a connection that rests for 5 s. But this one "
        "answers what it does not know with a reset, in the server's name.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play_reset);
}

}  // namespace flowstamp::cmd::demo
