// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/policy_writer.h"

#include <bpf/bpf.h>

namespace flowstamp::kernel {

Status PolicyWriter::set_modes(fst_drop_mode drop, fst_challenge_mode challenge) {
    if (!acting_ && (drop != FST_DROP_OFF || challenge != FST_CHALLENGE_OFF)) {
        return fail({.operation = "write policy",
                     .reason = "the programs were loaded to observe only",
                     .hint = "start with --drop or --challenge"});
    }
    fst_policy next = policy_;
    next.drop_mode = drop;
    next.challenge_mode = challenge;
    return write(next);
}

Status PolicyWriter::set_learned(std::span<const net::LearnedSignature> learned) {
    fst_policy next = policy_;
    net::set_learned(next, learned);
    return write(next);
}

/// A program may read while this writes: the kernel copies by 8 bytes, so it sees each signature
/// whole; at worst it sees one twice, or misses one this time.
Status PolicyWriter::write(const fst_policy& next) {
    const std::uint32_t zero = 0;
    const int error = bpf_map_update_elem(map_fd_, &zero, &next, BPF_ANY);
    if (error != 0) {
        return fail_errno("write policy", "", error);
    }
    policy_ = next;
    return {};
}

}  // namespace flowstamp::kernel
