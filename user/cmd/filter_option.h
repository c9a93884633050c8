// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>

#include "user/base/result.h"
#include "user/net/filter.h"

namespace flowstamp::cmd {

/// The FILTER of a command line, compiled; nullopt if none was given. Fails as net::Filter::compile().
[[nodiscard]] Result<std::optional<net::Filter>> compiled(const std::string& filter);

}  // namespace flowstamp::cmd
