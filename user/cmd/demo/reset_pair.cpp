// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/reset_pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "user/lab/capture.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kServed = 30'000;
constexpr std::uint16_t kPort = 8080;

lab::ServerOptions vanishing_server() {
    return {
        .port = kPort, .stop_after = kServed, .before_ending = 50ms, .ending = lab::Ending::Vanish};
}

lab::DownloadOptions persistent_client(const lab::Lab& lab) {
    return {.server = {lab.server().address(), kPort},
            .bytes = 2 * kServed,
            .timeout = 5s,
            .nudge_after = 200ms};
}

bool is_reset(lab::Side from, const lab::Segment& segment) {
    return from == lab::Side::Server && segment.has(lab::Rst);
}

}  // namespace

std::size_t ResetPair::differing_bytes() const {
    const std::size_t common = std::min(first.size(), second.size());
    std::size_t count = std::max(first.size(), second.size()) - common;
    for (std::size_t i = 0; i < common; ++i) {
        count += first[i] != second[i];
    }
    return count;
}

Result<ResetPair> make_reset_pair(const DemoContext& context, lab::Injection injection) {
    injection.trigger = {
        .on = lab::Trigger::On::ClientData, .after_server_bytes = kServed, .port = kPort};
    const auto server = lab::Server::start(context.lab.server(), vanishing_server());
    if (!server) {
        return std::unexpected(server.error());
    }
    const auto injector =
        lab::Injector::start(context.lab.router(kFirewallRouter), std::move(injection));
    if (!injector) {
        return std::unexpected(injector.error());
    }
    const auto at_client = lab::Capture::start(context.lab.client());
    if (!at_client) {
        return std::unexpected(at_client.error());
    }
    lab::download(context.lab.client(), persistent_client(context.lab));
    auto resets = at_client->wait_for(is_reset, 2, 1s);
    const std::size_t forged = injector->injected(1, 1s).size();
    if (resets.size() != 2 || forged != 1) {
        return fail({.operation = "compare resets",
                     .object = "client",
                     .reason = fmt::format("{} came, {} of them forged", resets.size(), forged)});
    }
    return ResetPair{std::move(resets[0].frame), std::move(resets[1].frame)};
}

}  // namespace flowstamp::cmd::demo
