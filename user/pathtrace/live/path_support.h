// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::pathtrace {

/// A kind of program that PathProbe works by.
struct PathPart {
    std::string_view name;     ///< "netfilter stations", "kfree_skb"
    std::string_view meaning;  ///< what is seen by it
    std::string_view without;  ///< what is not, else
    std::string missing{};     ///< why this kernel cannot have it; empty: it can
};

/// Finds out as PathProbe::start() does: by what is known of the kernel, and by loading one program
/// of each kind, which is let go again. Fails where nothing can be loaded at all.
[[nodiscard]] Result<std::vector<PathPart>> path_support();

}  // namespace flowstamp::pathtrace
