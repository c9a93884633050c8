// SPDX-License-Identifier: Apache-2.0
//
// One act: a download from the server to the client, a firewall in between that may forge, and
// `flowstamp watch` on the client. What came of it is recorded, not judged.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/cmd/demo/facts.h"
#include "user/cmd/demo/narrator.h"
#include "user/lab/download.h"
#include "user/lab/injection.h"
#include "user/lab/injector.h"
#include "user/lab/server.h"
#include "user/lab/topology.h"

namespace flowstamp::cmd::demo {

/// Where it is played, who tells it, and what breaks it off.
struct DemoContext {
    Narrator& narrator;
    const lab::Lab& lab;
    const lab::StopSignal& stop;
};

/// The router with the firewall: the one in the middle of three.
inline constexpr unsigned kFirewallRouter = 2;

struct ActPlan {
    std::string name{};                ///< in the closing table
    std::vector<std::string> watch{};  ///< arguments of `watch` after the interface
    std::optional<lab::Injection> injection{};
    lab::ServerOptions server{};
    std::uint64_t bytes = 8'000'000;
    std::chrono::milliseconds timeout = std::chrono::seconds(15);  ///< of the download
    std::optional<std::chrono::milliseconds> nudge_after{};        ///< as DownloadOptions
    bool is_served = true;  ///< else nobody listens: the port is closed
};

struct ActRecord {
    std::string name{};
    std::vector<lab::InjectedFrame> injected{};
    lab::DownloadReport download{};
    std::uint64_t wanted = 0;                ///< bytes
    std::vector<lab::ServeReport> served{};  ///< how connections ended for the server
    End server{};
    Facts facts{};

    /// Of the forged segments, those that went to the client.
    [[nodiscard]] std::size_t injected_to_client() const;
    [[nodiscard]] std::vector<ResetFact> resets() const;  ///< those in the server's name
    [[nodiscard]] const FindingFact* finding() const;     ///< about those

  private:
    [[nodiscard]] std::optional<std::uint16_t> client_port() const;
};

/// Plays it, telling what a user would see. Fails where the lab does, or `stop` is raised.
[[nodiscard]] Result<ActRecord> perform(const DemoContext& context, const ActPlan& plan);

}  // namespace flowstamp::cmd::demo
