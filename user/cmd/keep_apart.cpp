// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/keep_apart.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace flowstamp::cmd {

Status keep_apart(std::span<const std::string> read, const std::string& written,
                  std::string_view is, std::string_view option) {
    for (const std::string& file : read) {
        std::error_code ignored;
        if (std::filesystem::equivalent(file, written, ignored)) {
            return fail({.operation = "write",
                         .object = written,
                         .reason = fmt::format("that is {}", is),
                         .hint = fmt::format("give {} another file", option)});
        }
    }
    return {};
}

}  // namespace flowstamp::cmd
