// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::cmd {

/// What to replay, and what to report of it.
struct ReplayArguments {
    std::vector<std::string> captures{};  ///< at least one
    std::string filter{};                 ///< tcpdump's syntax; empty: everything
};

/// Separates captures from the filter: words are captures as long as they name files ("-" does);
/// from the first that does not, they are the filter. With captures in `reads` (-r) all words are
/// the filter. Fails without a capture, or if a word of the filter looks like a path.
[[nodiscard]] Result<ReplayArguments> separate_arguments(
    const std::vector<std::string>& reads, const std::vector<std::string>& words,
    const std::function<bool(const std::string&)>& is_file);

}  // namespace flowstamp::cmd
