// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "user/cmd/command_line.h"
#include "user/cmd/flows/flow_ranking.h"
#include "user/output/style.h"

namespace flowstamp::cmd {

struct FlowsOptions {
    static constexpr std::string_view kCommand = "flows";
    /// Rows of the list unless -n says otherwise.
    static constexpr std::size_t kRows = 50;

    std::string filter{};  ///< tcpdump syntax; empty: all flows
    std::optional<std::string> interface{};
    std::optional<std::int32_t> pid{};  ///< of the watch
    bool all_netns = false;             ///< also watches in other network namespaces
    std::optional<FlowOrder> sort{};
    std::optional<std::size_t> rows{};  ///< 0: all
    bool wide = false;
    bool stamps = false;   ///< a block a flow, with its stamps, instead of a line
    bool learned = false;  ///< list learned signatures instead of flows
    output::ColourChoice colour = output::ColourChoice::automatic;
    bool json = false;
};

void add_command(CommandLine& line, FlowsOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const FlowsOptions& options);

}  // namespace flowstamp::cmd
