// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A server whose application stops reading: its kernel closes the window, and the client, whose
// data is neither lost nor refused, can only wait.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kHangAfter = 600ms;

/// Each round is more than the server's buffer, with a window of 64 KB, takes, and less than the
/// buffers of both ends together: a client that sends all before it reads does not block an echo.
constexpr lab::ExchangeOptions kUpload{
    .rounds = 40, .bytes = 150'000, .pause = 50ms, .timeout = 15s};

Status run(const DemoContext& context, Case& scenario, const lab::Server& server) {
    Narrator& narrator = context.narrator;
    // The kernel would enlarge the buffer of a fast reader, until it takes a round.
    if (Status set = scenario.set(context.lab.server(), "net.ipv4.tcp_moderate_rcvbuf", "0");
        !set) {
        return set;
    }
    narrator.heading("1. The application hangs, until the finding is reported");
    const auto hang = [&] {
        narrator.line("The server's application stops reading.");
        server.suspend();
        return Status{};
    };
    const auto go_on = [&] {
        Status shown = scenario.show(context.lab.server(), "ss -tn");
        narrator.line("The server's application reads again.");
        server.resume();
        return shown;
    };
    if (Status done =
            scenario.attempt({.name = "to a server that hangs",
                              .exchange = kUpload,
                              .actions = {{.after = kHangAfter, .run = hang},
                                          {.run = go_on, .once_reported = "zero-window"}},
                              .finding = {.kind = "zero-window", .resolution = "recovered"}});
        !done) {
        return done;
    }
    narrator.heading("2. The application reads");
    return scenario.attempt({.name = "to a server that reads", .exchange = kUpload});
}

}  // namespace

Status run_zero_window(const DemoContext& context, Summary& summary) {
    context.narrator.paragraph(
        "The client sends data. Meanwhile the application on the server hangs: it waits for a "
        "lock, or for a database. Its kernel accepts data until the buffer, of a fixed size "
        "here, is full, and then closes the window. To the client that looks like a block, but "
        "every packet arrives.");
    context.narrator.figure(path_drawing(context.lab, false));
    const auto server = lab::Server::start(context.lab.server(), {.service = lab::Service::Echo});
    if (!server) {
        return std::unexpected(server.error());
    }
    return watch_case(
        context, Case::usual(context), summary,
        [&](const DemoContext& where, Case& scenario) { return run(where, scenario, *server); });
}

}  // namespace flowstamp::cmd::demo
