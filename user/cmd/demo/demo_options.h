// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "user/cmd/command_line.h"

namespace flowstamp::cmd {

struct DemoOptions {
    static constexpr std::string_view kCommand = "demo";

    std::vector<std::string> scenarios{};  ///< empty: the main one
    bool list = false;
};

void add_command(CommandLine& line, DemoOptions& options);

}  // namespace flowstamp::cmd
