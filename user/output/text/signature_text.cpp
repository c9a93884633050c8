// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/signature_text.h"

#include <fmt/format.h>

#include "user/net/names.h"
#include "user/output/text/value_text.h"

namespace flowstamp::output {

std::string signature_text(const fst_learned_signature& signature) {
    return fmt::format("[{}] from {} away with IP-ID {:#06x}",
                       net::tcp_flags_short(signature.tcp_flags), hops_text(signature.hops),
                       signature.ip_id);
}

}  // namespace flowstamp::output
