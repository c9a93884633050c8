// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flowstamp/config.h"
#include "flowstamp/policy.h"
#include "user/base/clock.h"
#include "user/cmd/command_line.h"
#include "user/cmd/evidence_option.h"
#include "user/kernel/attach/probe_options.h"
#include "user/metrics/listen_address.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"

namespace flowstamp::cmd {

struct WatchOptions {
    static constexpr std::string_view kCommand = "watch";

    std::vector<std::string> interfaces{};
    std::string filter{};  ///< tcpdump syntax; empty: everything
    fst_drop_mode drop = FST_DROP_OFF;
    fst_challenge_mode challenge = FST_CHALLENGE_OFF;
    kernel::IngressChoice hook = kernel::IngressChoice::automatic;
    kernel::WatchDirection direction = kernel::WatchDirection::both;
    bool learn = true;  ///< write the signatures of confirmed injectors to the kernel
    bool json = false;
    std::optional<std::string> output{};    ///< a file instead of standard output
    bool print = false;                     ///< also text on standard output
    std::optional<Nanoseconds> duration{};  ///< nothing: until a signal
    std::optional<std::uint64_t> count{};   ///< findings after which it ends; nothing: no end
    std::uint32_t max_flows = FST_FLOWS_DEFAULT;
    bool summarize = false;  ///< of an incident's findings only the first
    output::ColourChoice colour = output::ColourChoice::automatic;
    output::TimeForm times = output::TimeForm::local;  ///< in text
    bool plain = false;                                ///< no live view on a terminal
    bool quiet = false;
    int verbosity = 0;                    ///< how often -v was given
    bool path = false;                    ///< also report what this host itself drops
    std::optional<std::string> stamps{};  ///< a file for every packet's stamp
    EvidenceOptions evidence{};
    std::optional<std::string> report{};  ///< a file for a page at the end
    std::optional<std::string> log{};     ///< a file to append JSON lines to, or "journal"
    std::optional<std::string> config{};  ///< a file of options
    std::optional<metrics::ListenAddress> metrics{};  ///< where Prometheus reads

    /// What the file says of options that the command line does not mention.
    std::map<std::string, std::vector<std::string>> settings{};
    std::vector<std::string> arguments{};  ///< the command line, to read the file again with

    /// Whether packets may be dropped or changed.
    [[nodiscard]] bool acts() const {
        return drop != FST_DROP_OFF || challenge != FST_CHALLENGE_OFF;
    }
    /// Whether SIGHUP asks it to open its log again and to read its file again; else it ends.
    [[nodiscard]] bool reloads() const { return log || config; }
};

void add_command(CommandLine& line, WatchOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const WatchOptions& options);

}  // namespace flowstamp::cmd
