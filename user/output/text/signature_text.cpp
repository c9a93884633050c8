// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/signature_text.h"

#include <fmt/format.h>

#include "user/net/names.h"
#include "user/output/text/value_text.h"

namespace flowstamp::output {

std::string signature_text(const fst_learned_signature& signature) {
    std::string text = fmt::format("[{}]", net::tcp_flags_short(signature.tcp_flags));
    if (signature.flags & FST_LEARNED_HOPS) {
        text += fmt::format(" from {} away", hops_text(signature.hops));
    }
    if (signature.flags & FST_LEARNED_IP_ID) {
        text += fmt::format(" with IP-ID {:#06x}", signature.ip_id);
    }
    if (signature.flags & FST_LEARNED_WINDOW) {
        text += fmt::format(" with window {}", signature.window);
    }
    return text;
}

}  // namespace flowstamp::output
