// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/demo/scenario.h"

#include <array>

namespace flowstamp::cmd::demo {

std::span<const Scenario> scenarios() {
    static constexpr std::array<Scenario, 15> kAll = {{
        {"forged-rst", "a firewall forges a reset: watched, refused on evidence, refused by asking",
         play_forged_rst},
        {"forged-rst-both",
         "both ends are reset: what one side can do about it, and what it cannot",
         play_forged_rst_both},
        {"genuine", "servers that really reset: the strictest watch lets them through",
         play_genuine},
        {"ban-drop", "a router drops SYNs: silence, until the ban is lifted", play_ban_drop},
        {"ban-reject", "a router answers SYNs with ICMP errors: who says no, and from where",
         play_ban_reject},
        {"syn-reset", "connection refused: by a box in the path, and by the server itself",
         play_syn_reset},
        {"ban-established", "an established connection is blocked, stalls, and recovers",
         play_ban_established},
        {"ban-reset", "an established connection is blocked with a reset in the server's name",
         play_ban_reset},
        {"idle-timeout",
         "a stateful firewall forgets a connection that rests, and drops what comes then",
         play_idle_timeout},
        {"idle-reset", "the same firewall answers with a reset instead", play_idle_reset},
        {"reset-swallowed", "a server's own firewall swallows its refusals", play_reset_swallowed},
        {"split-handshake", "a SYN proxy in the path answers the handshake in place of the server",
         play_split_handshake},
        {"hairpin",
         "the answer comes from an address that was not asked: NAT without its other half",
         play_hairpin},
        {"one-way", "a gateway that sees one direction only", play_one_way},
        {"syn-reset-once", "a reset forged in answer to a SYN, before the true answer",
         play_syn_reset_once},
    }};
    return kAll;
}

}  // namespace flowstamp::cmd::demo
