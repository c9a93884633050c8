// SPDX-License-Identifier: Apache-2.0
#include "user/flow/taught_signatures.h"

#include <algorithm>

#include "user/flow/lesson.h"

namespace flowstamp {

void TaughtSignatures::remove_at(__u32 place) {
    std::copy(policy_.taught + place + 1, policy_.taught + policy_.taught_count,
              policy_.taught + place);
    policy_.taught[--policy_.taught_count] = {};
}

bool TaughtSignatures::remove(const fs_taught& signature) {
    for (__u32 i = 0; i < policy_.taught_count; i++) {
        if (same_signature(policy_.taught[i], signature)) {
            remove_at(i);
            return true;
        }
    }
    return false;
}

bool TaughtSignatures::add(fs_taught signature) {
    signature.flags |= FS_TAUGHT_USED;
    for (__u32 i = 0; i < policy_.taught_count; i++) {
        if (same_signature(policy_.taught[i], signature)) {
            return false;
        }
    }
    if (policy_.taught_count == FS_TAUGHT_MAX) {
        remove_at(0);
    }
    policy_.taught[policy_.taught_count++] = signature;
    return true;
}

}  // namespace flowstamp
