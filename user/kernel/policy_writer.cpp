// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/policy_writer.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <span>

namespace flowstamp {

namespace {

bool same_signature(const fs_taught& a, const fs_taught& b) {
    return a.flags == b.flags && a.ip_id == b.ip_id && a.window == b.window && a.hops == b.hops &&
           a.tcp_flags == b.tcp_flags;
}

}  // namespace

Status PolicyWriter::set_modes(fs_drop_mode drop, fs_challenge_mode challenge) {
    if (!acting_ && (drop != FS_DROP_OFF || challenge != FS_CHALLENGE_OFF)) {
        return fail({.operation = "write policy",
                     .reason = "the programs were loaded to observe only",
                     .hint = "start with --drop or --challenge"});
    }
    fs_policy next = policy_;
    next.drop_mode = drop;
    next.challenge_mode = challenge;
    return write(next);
}

Status PolicyWriter::teach(fs_taught signature) {
    signature.flags |= FS_TAUGHT_USED;
    const std::span known(policy_.taught, policy_.taught_count);
    if (std::ranges::any_of(known,
                            [&](const fs_taught& old) { return same_signature(old, signature); })) {
        return {};
    }
    fs_policy next = policy_;
    next.taught[next_] = signature;
    next.taught_count = std::min<std::uint32_t>(policy_.taught_count + 1, FS_TAUGHT_MAX);
    Status written = write(next);
    if (written) {
        next_ = (next_ + 1) % FS_TAUGHT_MAX;
    }
    return written;
}

Status PolicyWriter::write(const fs_policy& policy) {
    const std::uint32_t zero = 0;
    const int error = bpf_map_update_elem(map_fd_, &zero, &policy, BPF_ANY);
    if (error != 0) {
        return fail_errno("write policy", "", error);
    }
    policy_ = policy;
    return {};
}

}  // namespace flowstamp
