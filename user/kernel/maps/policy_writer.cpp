// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/maps/policy_writer.h"

#include <bpf/bpf.h>

namespace flowstamp::kernel {

Status PolicyWriter::set_modes(fst_drop_mode drop, fst_challenge_mode challenge) {
    if (!acting_ && (drop != FST_DROP_OFF || challenge != FST_CHALLENGE_OFF)) {
        return fail({.operation = "write policy",
                     .reason = "the programs were loaded to observe only",
                     .hint = "start with --drop or --challenge"});
    }
    net::LearnedList next = learned_;
    next.policy().drop_mode = drop;
    next.policy().challenge_mode = challenge;
    return write(next);
}

Status PolicyWriter::learn_signature(const fst_learned_signature& signature) {
    net::LearnedList next = learned_;
    return next.add(signature) ? write(next) : Status{};
}

Status PolicyWriter::forget(const fst_learned_signature& signature) {
    net::LearnedList next = learned_;
    return next.remove(signature) ? write(next) : Status{};
}

/// A program may read during this write: the kernel copies 8 bytes at a time, so it sees each
/// signature whole, at worst one of them twice or, this once, not at all.
Status PolicyWriter::write(const net::LearnedList& next) {
    const std::uint32_t zero = 0;
    const int error = bpf_map_update_elem(map_fd_, &zero, &next.policy(), BPF_ANY);
    if (error != 0) {
        return fail_errno("write policy", "", error);
    }
    learned_ = next;
    return {};
}

}  // namespace flowstamp::kernel
