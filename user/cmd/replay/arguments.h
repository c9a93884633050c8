// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::cmd {

/// What to replay, and what to tell of it.
struct ReplayArguments {
    std::vector<std::string> captures{};  ///< at least one
    std::string filter{};                 ///< tcpdump's syntax; empty: everything
};

/// Tells captures and filter apart: words are captures as long as they name files ("-" does), and
/// from the first that does not, a filter. With captures in `reads` (-r) all words are the filter.
/// Fails where a word that names no file looks like a capture's name all the same.
[[nodiscard]] Result<ReplayArguments> report_apart(
    const std::vector<std::string>& reads, const std::vector<std::string>& words,
    const std::function<bool(const std::string&)>& is_file);

}  // namespace flowstamp::cmd
