// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// One run of the demo: a download from the server to the client, a firewall in between that may
// forge, and `flowstamp watch` on the client. The results are recorded, not judged.
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

/// What a scenario needs: output, the lab, and a signal that aborts it.
struct DemoContext {
    Narrator& narrator;
    const lab::Lab& lab;
    const lab::StopSignal& stop;
};

/// The router with the firewall: the one in the middle of three.
inline constexpr unsigned kFirewallRouter = 2;

struct RunPlan {
    std::string name{};                ///< in the summary
    std::vector<std::string> watch{};  ///< arguments of `watch` after the interface
    std::optional<lab::Injection> injection{};
    lab::ServerOptions server{};
    std::uint64_t bytes = 8'000'000;
    std::chrono::milliseconds timeout = std::chrono::seconds(15);  ///< of the download
    std::optional<std::chrono::milliseconds> nudge_after{};        ///< as DownloadOptions
    bool is_served = true;                                         ///< if false, the port is closed
};

struct RunRecord {
    std::string name{};
    std::vector<lab::InjectedFrame> injected{};
    lab::DownloadReport download{};
    std::uint64_t wanted = 0;                ///< bytes
    std::vector<lab::ServeReport> served{};  ///< how connections ended for the server
    End server{};
    Facts facts{};

    /// Number of forged segments sent to the client.
    [[nodiscard]] std::size_t injected_to_client() const;
    [[nodiscard]] std::vector<ResetFact> resets() const;  ///< those in the server's name
    [[nodiscard]] const FindingFact* finding() const;     ///< about those

  private:
    [[nodiscard]] std::optional<std::uint16_t> client_port() const;
};

/// Runs it, printing what a user would see. Fails if the lab does, or `stop` is raised.
[[nodiscard]] Result<RunRecord> run_download(const DemoContext& context, const RunPlan& plan);

}  // namespace flowstamp::cmd::demo
