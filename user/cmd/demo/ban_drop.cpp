// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A router silently drops the client's SYNs. One client gives up; another one's kernel keeps
// trying, and gets through once the rule is removed.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kBlock = "iptables -I FORWARD -p tcp --syn --dport 80 -j DROP";

Status run(const DemoContext& context, Case& scenario) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& router = context.lab.router(kFirewallRouter);
    if (Status done = scenario.attempt({.name = "before"}); !done) {
        return done;
    }
    narrator.heading("1. The rule is added");
    std::optional<lab::Firewall> block;
    if (Status added = scenario.add_rule(block, router, kBlock); !added) {
        return added;
    }
    if (Status done = scenario.attempt({.name = "blocked",
                                        .exchange = {.timeout = 3500ms},
                                        .outcome = lab::Outcome::TimedOut,
                                        .finding = {.kind = "syn-unanswered"}});
        !done) {
        return done;
    }
    narrator.heading("2. The rule is removed while a kernel still tries");
    if (Status done =
            scenario.attempt({.name = "unblocked after 3.5 s",
                              .exchange = {.timeout = 15s},
                              .actions = {{3500ms, [&] { return scenario.remove_rule(block); }}},
                              .finding = {.kind = "syn-unanswered", .resolution = "answered"}});
        !done) {
        return done;
    }
    return scenario.attempt({.name = "after"});
}

}  // namespace

Status run_ban_drop(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The firewall silently drops SYNs to port 80. The client's kernel sends its SYN again and "
        "again. A dead host would look the same to the application.");
    context.narrator.figure(path_drawing(context.lab, true));
    return run_case(context, Case::usual(context), summary, run);
}

}  // namespace flowstamp::cmd::demo
