// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flowstamp/policy.h"
#include "user/base/clock.h"

namespace flowstamp {

/// An injector's signature that the kernel was taught. Times are since 1970.
struct Lesson {
    fs_taught signature{};
    Nanoseconds taught{0};
    Nanoseconds seen{0};  ///< when a forged RST bore it last

    friend bool operator==(const Lesson& a, const Lesson& b);
};

/// Flags (but FS_TAUGHT_USED, which says only that the entry is taken), ID, window, hops, TCP flags.
[[nodiscard]] bool same_signature(const fs_taught& a, const fs_taught& b);

/// "[R.] from 3 hops away with IP-ID 0x3412".
[[nodiscard]] std::string signature_text(const fs_taught& signature);

}  // namespace flowstamp
