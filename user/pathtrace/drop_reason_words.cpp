// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/drop_reason_words.h"

#include <algorithm>
#include <iterator>

#include "user/pathtrace/drop_reason_table.h"

namespace flowstamp::pathtrace {
namespace {

/// "TCP_NEW_THING" -> "tcp new thing"
std::string plain(std::string_view name) {
    std::string text(name);
    std::ranges::transform(text, text.begin(), [](char c) {
        return c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

std::string_view without_prefix(std::string_view name) {
    constexpr std::string_view prefix = "SKB_DROP_REASON_";
    if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
    }
    return name;
}

}  // namespace

DropReasonWords drop_reason_words(std::string_view name) {
    name = without_prefix(name);
    const auto* const found = std::ranges::find(kDropReasons, name, &DropReasonEntry::name);
    if (found == std::end(kDropReasons)) {
        return {.words = "the kernel's reason: " + plain(name), .look_at = {}};
    }
    return {.words = std::string(found->words), .look_at = std::string(found->look_at)};
}

bool is_hosts_decision(std::string_view name) {
    static constexpr std::string_view kDecisions[] = {"NETFILTER_DROP",
                                                      "NO_SOCKET",
                                                      "SOCKET_RCVBUFF",
                                                      "SOCKET_BACKLOG",
                                                      "PROTO_MEM",
                                                      "PKT_TOO_BIG",
                                                      "IP_INHDR",
                                                      "IP_RPFILTER",
                                                      "IP_INNOROUTES",
                                                      "IP_OUTNOROUTES",
                                                      "IP_LOCAL_SOURCE",
                                                      "IP_LOCALNET",
                                                      "IPV6DISABLED",
                                                      "XFRM_POLICY",
                                                      "SECURITY_HOOK",
                                                      "BPF_CGROUP_EGRESS",
                                                      "XDP",
                                                      "TC_INGRESS",
                                                      "TC_EGRESS",
                                                      "QDISC_DROP",
                                                      "QDISC_OVERLIMIT",
                                                      "CPU_BACKLOG",
                                                      "NEIGH_FAILED",
                                                      "NEIGH_CREATEFAIL",
                                                      "NEIGH_QUEUEFULL",
                                                      "NEIGH_DEAD",
                                                      "DEV_READY",
                                                      "FULL_RING",
                                                      "NOMEM",
                                                      "TCP_MD5NOTFOUND",
                                                      "TCP_MD5UNEXPECTED",
                                                      "TCP_MD5FAILURE"};
    return std::ranges::find(kDecisions, without_prefix(name)) != std::end(kDecisions);
}

}  // namespace flowstamp::pathtrace
