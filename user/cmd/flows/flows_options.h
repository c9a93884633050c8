// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "user/cmd/command_line.h"

namespace flowstamp::cmd {

struct FlowsOptions {
    static constexpr std::string_view kCommand = "flows";

    std::optional<std::string> interface{};
    bool learned = false;  ///< list learned signatures instead of flows
    bool json = false;
};

void add_command(CommandLine& line, FlowsOptions& options);

}  // namespace flowstamp::cmd
