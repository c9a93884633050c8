// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "flowstamp/config.h"
#include "flowstamp/policy.h"
#include "user/base/clock.h"
#include "user/analysis/finding.h"

namespace flowstamp::cmd {

/// Where to attach for incoming packets.
enum class HookChoice { automatic, xdp, xdp_generic, tc };

/// Which way a packet must go, seen from this host, to be told.
enum class DirectionChoice { in, out, both };

struct WatchOptions {
    std::vector<std::string> interfaces{};
    std::string filter{};  ///< tcpdump syntax; empty: everything
    fst_drop_mode drop = FST_DROP_OFF;
    fst_challenge_mode challenge = FST_CHALLENGE_OFF;
    HookChoice hook = HookChoice::automatic;
    DirectionChoice direction = DirectionChoice::both;
    bool learn = true;  ///< let the kernel know the signatures of confirmed injectors
    bool json = false;
    std::optional<std::string> output{};    ///< a file instead of standard output
    bool print = false;                     ///< text on standard output besides that file
    std::optional<Nanoseconds> duration{};  ///< nothing: until it is told to end
    std::uint32_t max_flows = FST_FLOWS_DEFAULT;
    bool quiet = false;
    int verbosity = 0;                    ///< how often -v was given
    bool path = false;                    ///< tell what this host itself drops, too
    std::optional<std::string> stamps{};  ///< a file for every packet's stamp

    /// Whether packets may be dropped or changed.
    [[nodiscard]] bool acts() const { return drop != FST_DROP_OFF || challenge != FST_CHALLENGE_OFF; }
};

/// Where a replay's data path runs.
enum class Backend { host, kernel };

struct ReplayOptions {
    std::vector<std::string> reads{};  ///< given with -r
    std::vector<std::string> words{};  ///< captures, then a filter: see Arguments in user/captures
    Backend backend = Backend::host;
    bool learn = true;  ///< as in WatchOptions
    bool json = false;
    std::optional<std::string> output{};  ///< a file instead of standard output
    bool fail_on_any = false;
    std::vector<analysis::FindingKind> fail_on{};  ///< findings that make the exit status 3
    std::uint32_t max_flows = FST_FLOWS_DEFAULT;
    bool quiet = false;
    int verbosity = 0;  ///< how often -v was given
};

struct FlowsOptions {
    std::optional<std::string> interface{};
    bool learned = false;  ///< what was learnt of injectors, instead of flows
    bool json = false;
};

struct PathOptions {
    std::vector<std::string> interfaces{};
    std::string filter{};  ///< tcpdump syntax; empty: everything
    bool json = false;
    std::optional<std::string> output{};    ///< a file instead of standard output
    std::optional<Nanoseconds> duration{};  ///< nothing: until it is told to end
    bool quiet = false;                     ///< losses only
    bool trace = false;                     ///< let nft trace the packets, too
    bool plain = false;                     ///< no live view, on a terminal either
};

struct DemoOptions {
    std::vector<std::string> scenarios{};  ///< empty: the main job
    bool list = false;
};

struct DoctorOptions {
    std::vector<std::string> interfaces{};  ///< empty: every interface
};

using Options = std::variant<WatchOptions, ReplayOptions, FlowsOptions, PathOptions, DemoOptions,
                             DoctorOptions>;

/// Instead of options: what to print, and the exit status to end with. Status 0 (help, version)
/// goes to standard output, 2 to standard error.
struct Usage {
    int status = 2;
    std::string text{};
};

/// Reads the command line; `arguments` are those after the program's name. Pure: opens nothing,
/// prints nothing.
[[nodiscard]] std::expected<Options, Usage> parse(const std::vector<std::string>& arguments);

}  // namespace flowstamp::cmd
