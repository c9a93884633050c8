// SPDX-License-Identifier: Apache-2.0
//
// A router drops the client's SYNs without a word. One client gives up; another one's kernel keeps
// trying, and gets through once the ban is lifted.
#include "user/demo/case.h"
#include "user/demo/drawing.h"
#include "user/demo/scenario.h"

namespace flowstamp::demo {
namespace {

using namespace std::chrono_literals;

constexpr const char* kBan = "iptables -I FORWARD -p tcp --syn --dport 80 -j DROP";

Status play(const Stage& stage, Case& story) {
    Narrator& narrator = stage.narrator;
    const lab::Namespace& router = stage.lab.router(kFirewallRouter);
    if (Status done = story.attempt({.name = "before"}); !done) {
        return done;
    }
    narrator.heading("1. The ban");
    std::optional<lab::Firewall> ban;
    if (Status put = story.put(ban, router, kBan); !put) {
        return put;
    }
    if (Status done = story.attempt({.name = "banned",
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

Status play_ban_drop(const Stage& stage, Closing& closing) {
    stage.narrator.paragraph(
        "The firewall drops SYNs to port 80, and says nothing. The client's kernel sends its SYN "
        "again and again. A dead host would look the same to the application.");
    stage.narrator.figure(path_drawing(stage.lab, true));
    return play_case(stage, Case::usual(stage), closing, play);
}

}  // namespace flowstamp::demo
