// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/base/result.h"

namespace flowstamp {

/// The whole of a text file. Fails if it cannot be opened or read.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

}  // namespace flowstamp
