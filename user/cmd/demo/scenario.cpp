// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/scenario.h"

#include <array>

namespace flowstamp::cmd::demo {

std::span<const Scenario> scenarios() {
    static constexpr std::array<Scenario, 25> kAll = {{
        {"forged-rst", "a firewall forges a reset: watched, dropped on evidence, challenged",
         run_forged_rst},
        {"forged-rst-both", "both ends are reset: what one side can do about it, and what not",
         run_forged_rst_both},
        {"both-ends", "each end is reset in the other's name: what both recordings prove together",
         run_both_ends},
        {"genuine", "servers that really reset: even the strictest settings pass them",
         run_genuine},
        {"ban-drop", "a router drops SYNs: no answer, until the rule is removed", run_ban_drop},
        {"ban-reject", "a router answers SYNs with ICMP errors: which one, and from where",
         run_ban_reject},
        {"syn-reset", "connection refused: by a middlebox in the path, and by the server itself",
         run_syn_reset},
        {"ban-established", "an established connection is blocked, stalls, and recovers",
         run_ban_established},
        {"ban-reset", "an established connection is blocked with a reset in the server's name",
         run_ban_reset},
        {"rst-rejected", "a rule rejects an established connection, whose other end lives on",
         run_rst_rejected},
        {"half-open", "a firewall resets the server only; the client learns of it too late",
         run_half_open},
        {"zero-window", "the receiving application stops reading, and reads again",
         run_zero_window},
        {"accept-queue",
         "an application does not accept, and its kernel ignores further handshakes",
         run_accept_queue},
        {"stale-connection",
         "a crashed client takes its port again: the server holds the old connection",
         run_stale_connection},
        {"idle-timeout", "a stateful firewall times out an idle connection, and drops its packets",
         run_idle_timeout},
        {"idle-reset", "the same firewall answers with a reset instead", run_idle_reset},
        {"reset-swallowed", "a server's own firewall drops its refusals", run_reset_swallowed},
        {"split-handshake", "a SYN proxy in the path answers the handshake in place of the server",
         run_split_handshake},
        {"hairpin", "the answer comes from another address: NAT of the destination only",
         run_hairpin},
        {"nat-escape", "a gateway forwards replies untranslated: conntrack calls them INVALID",
         run_nat_escape},
        {"one-way", "a gateway that sees one direction only", run_one_way},
        {"syn-reset-once", "a reset forged in answer to a SYN, before the server's answer",
         run_syn_reset_once},
        {"mtu-black-hole", "a link with a smaller MTU, whose ICMP errors are lost or ignored",
         run_mtu_black_hole},
        {"routing-loop", "two routers send the packets to the server to each other",
         run_routing_loop},
        {"tunnels", "resets forged inside tunnels, seen on a router between their ends",
         run_tunnels},
    }};
    return kAll;
}

}  // namespace flowstamp::cmd::demo
