// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <vector>

namespace flowstamp::kernel {

/// One line that the user should read although nothing failed: a fallback was taken, something is
/// limited. `text` names the object, what happened, and the fix, without a full stop.
struct Notice {
    std::string text;

    friend bool operator==(const Notice&, const Notice&) = default;
};

using Notices = std::vector<Notice>;

}  // namespace flowstamp::kernel
