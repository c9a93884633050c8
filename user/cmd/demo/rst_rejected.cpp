// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// An established connection that a REJECT rule answers with resets: on the server itself, and on
// the last router before it. The server's end lives on.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kRejectAfter = 600ms;
constexpr unsigned kLastRouter = 3;

/// Round after round without a pause: each request acknowledges the answer before it, so that the
/// server still waits for that when its rule rejects the next request.
constexpr lab::ExchangeOptions kTalk{.rounds = 1'000'000, .timeout = 12s};

Status reject(const DemoContext& context, Case& scenario, const lab::Namespace& host,
              const std::string& chain) {
    std::optional<lab::Firewall> rule;
    const auto add = [&] {
        return scenario.add_rule(
            rule, host,
            "iptables -I " + chain + " -p tcp --dport 80 -j REJECT --reject-with tcp-reset");
    };
    if (Status done = scenario.attempt({.name = "rejected on " + host.role(),
                                        .exchange = kTalk,
                                        .actions = {{.after = kRejectAfter, .run = add}},
                                        .outcome = lab::Outcome::Reset,
                                        .finding = {.kind = "rst-rejected"}});
        !done) {
        return done;
    }
    context.narrator.line("The fix: the rule is removed.");
    context.narrator.gap();
    if (Status removed = scenario.remove_rule(rule); !removed) {
        return removed;
    }
    return scenario.attempt({.name = "after"});
}

Status run(const DemoContext& context, Case& scenario) {
    context.narrator.heading("1. A rule on the server");
    if (Status done = reject(context, scenario, context.lab.server(), "INPUT"); !done) {
        return done;
    }
    context.narrator.heading("2. A rule on the last router");
    return reject(context, scenario, context.lab.router(kLastRouter), "FORWARD");
}

}  // namespace

Status run_rst_rejected(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The client and the server exchange data. Then a rule rejects what the client sends, with "
        "a reset: the commonest way of a ban. The reset is what a kernel sends that does not know "
        "the connection; but the server's end still does, and waits.");
    context.narrator.figure(path_drawing(context.lab, false));
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
