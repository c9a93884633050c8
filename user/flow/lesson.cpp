// SPDX-License-Identifier: Apache-2.0
#include "user/flow/lesson.h"

#include <fmt/format.h>

#include "user/flow/names.h"

namespace flowstamp {

bool same_signature(const fs_taught& a, const fs_taught& b) {
    return (a.flags | FS_TAUGHT_USED) == (b.flags | FS_TAUGHT_USED) && a.ip_id == b.ip_id &&
           a.window == b.window && a.hops == b.hops && a.tcp_flags == b.tcp_flags;
}

bool operator==(const Lesson& a, const Lesson& b) {
    return same_signature(a.signature, b.signature) && a.taught == b.taught && a.seen == b.seen;
}

std::string signature_text(const fs_taught& signature) {
    std::string text = fmt::format("[{}]", tcp_flags_short(signature.tcp_flags));
    if (signature.flags & FS_TAUGHT_HOPS) {
        text += fmt::format(" from {} hop{} away", signature.hops, signature.hops == 1 ? "" : "s");
    }
    if (signature.flags & FS_TAUGHT_IP_ID) {
        text += fmt::format(" with IP-ID {:#06x}", signature.ip_id);
    }
    if (signature.flags & FS_TAUGHT_WINDOW) {
        text += fmt::format(" with window {}", signature.window);
    }
    return text;
}

}  // namespace flowstamp
