// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "user/cmd/command_line.h"

namespace flowstamp::cmd {

struct DoctorOptions {
    static constexpr std::string_view kCommand = "doctor";

    std::vector<std::string> interfaces{};  ///< empty: every interface
};

void add_command(CommandLine& line, DoctorOptions& options);

}  // namespace flowstamp::cmd
