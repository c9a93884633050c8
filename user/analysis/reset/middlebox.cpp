// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/middlebox.h"

namespace flowstamp::analysis {

std::string_view name_of(FieldHabit::Kind kind) {
    switch (kind) {
        case FieldHabit::Kind::zero:
            return "zero";
        case FieldHabit::Kind::echo:
            return "echo";
        case FieldHabit::Kind::genuine:
            return "genuine";
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
    return signature.hops == box.hops && signature.tcp_flags == box.tcp_flags &&
           box.ip_id == FieldHabit{FieldHabit::Kind::fixed, signature.ip_id};
}

}  // namespace flowstamp::analysis
