// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A firewall resets the server in the client's name. The client sees only the answer of a kernel
// that no longer knows the connection; on the server the forgery itself is seen, and refused.
#include "user/cmd/demo/case.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/lab/injector.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kFireAfter = 1000;  // bytes of the server
constexpr lab::ExchangeOptions kTalk{.rounds = 40, .pause = 50ms, .timeout = 12s};

/// Fires behind an answer of the server, before the client's next request: the sequence number is
/// exact.
lab::Injection firewall() {
    return {.trigger = {.on = lab::Trigger::On::ServerData, .after_server_bytes = kFireAfter},
            .target = lab::Target::Server};
}

/// One connection that the firewall attacks, under a watch of its own.
Status attack(const DemoContext& context, Summary& summary, const Case::Setting& setting,
              const Attempt& attempt) {
    return run_case(context, setting, summary, [&](const DemoContext& where, Case& scenario) {
        const auto injector = lab::Injector::start(where.lab.router(kFirewallRouter), firewall());
        return injector ? scenario.attempt(attempt) : std::unexpected(injector.error());
    });
}

Case::Setting on_server(const DemoContext& context, std::vector<std::string> arguments) {
    const Case::Setting usual = Case::usual(context);
    return {.client = usual.client,
            .server = usual.server,
            .address = usual.address,
            .watch = {
                usual.server, {usual.server.toward(lab::Side::Client).name}, std::move(arguments)}};
}

}  // namespace

Status run_half_open(const DemoContext& context, Summary& summary) {
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "The firewall resets the server in the client's name, and only the server. The client "
        "learns of it when it sends again: the server's kernel no longer knows the connection.");
    narrator.figure(path_drawing(context.lab, true));
    narrator.heading("1. Watched on the client");
    if (Status done = attack(context, summary, Case::usual(context),
                             {.name = "seen by the client",
                              .exchange = kTalk,
                              .outcome = lab::Outcome::Reset,
                              .finding = {.kind = "half-open"}});
        !done) {
        return done;
    }
    narrator.heading("2. Watched on the server");
    if (Status done = attack(context, summary, on_server(context, {}),
                             {.name = "seen by the server",
                              .exchange = kTalk,
                              .outcome = lab::Outcome::Reset,
                              .finding = {.kind = "forged-rst", .hops = 1}});
        !done) {
        return done;
    }
    narrator.heading("3. Refused on the server");
    return attack(context, summary, on_server(context, {"--drop", "confirmed"}),
                  {.name = "refused by the server",
                   .exchange = kTalk,
                   .finding = {.kind = "forged-rst", .resolution = "went-on", .hops = 1}});
}

}  // namespace flowstamp::cmd::demo
