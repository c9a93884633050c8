// SPDX-License-Identifier: Apache-2.0
//
// A router drops the client's SYNs without a word. One client gives up; another one's kernel keeps
// trying, and gets through once the ban is lifted.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kBan = "iptables -I FORWARD -p tcp --syn --dport 80 -j DROP";

Status play(const DemoContext& context, Case& story) {
    Narrator& narrator = context.narrator;
    const lab::Namespace& router = context.lab.router(kFirewallRouter);
    if (Status done = story.attempt({.name = "before"}); !done) {
        return done;
    }
    narrator.heading("1. The ban");
    std::optional<lab::Firewall> ban;
    if (Status put = story.put(ban, router, kBan); !put) {
        return put;
    }
    if (Status done = story.attempt({.name = "blocked",
                                     .exchange = {.timeout = 3500ms},
                                     .outcome = lab::Outcome::TimedOut,
                                     .finding = {.kind = "syn-unanswered"}});
        !done) {
        return done;
    }
    narrator.heading("2. The mend, while a kernel still tries");
    if (Status done =
            story.attempt({.name = "ban lifted after 3.5 s",
                           .exchange = {.timeout = 15s},
                           .cues = {{3500ms, [&] { return story.lift(ban); }}},
                           .finding = {.kind = "syn-unanswered", .resolution = "answered"}});
        !done) {
        return done;
    }
    return story.attempt({.name = "after"});
}

}  // namespace

Status play_ban_drop(const DemoContext& context, Closing& closing) {
    context.narrator.paragraph(
        "The firewall drops SYNs to port 80, and says nothing. The client's kernel sends its SYN "
        "again and again. A dead host would look the same to the application.");
    context.narrator.figure(path_drawing(context.lab, true));
    return play_case(context, Case::usual(context), closing, play);
}

}  // namespace flowstamp::cmd::demo
