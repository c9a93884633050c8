// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/middlebox.h"

namespace flowstamp::analysis {

std::string_view name_of(FieldHabit::Kind kind) {
    switch (kind) {
        case FieldHabit::Kind::zero:
            return "zero";
        case FieldHabit::Kind::echo:
            return "echo";
        case FieldHabit::Kind::fixed:
            return "fixed";
        case FieldHabit::Kind::changes:
            return "changes";
        case FieldHabit::Kind::absent:
            break;
    }
    return "absent";
}

bool has_signature(const Middlebox& box, const fst_learned_signature& signature) {
    const auto is_fixed = [](const FieldHabit& habit, std::uint16_t value) {
        return habit == FieldHabit{FieldHabit::Kind::fixed, value};
    };
    return signature.hops == box.hops && signature.tcp_flags == box.tcp_flags &&
           (!(signature.flags & FST_LEARNED_IP_ID) || is_fixed(box.ip_id, signature.ip_id)) &&
           (!(signature.flags & FST_LEARNED_WINDOW) || is_fixed(box.window, signature.window));
}

}  // namespace flowstamp::analysis
