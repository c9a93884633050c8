// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "user/base/result.h"

namespace flowstamp::cmd {

/// Fails if the file `written`, which is about to be opened, is one of those that are read: it would
/// be truncated. `is`: what such a file is, `option`: names the one to be written.
[[nodiscard]] Status keep_apart(std::span<const std::string> read, const std::string& written,
                                std::string_view is, std::string_view option);

}  // namespace flowstamp::cmd
