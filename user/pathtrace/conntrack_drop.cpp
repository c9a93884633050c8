// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/conntrack_drop.h"

#include <fmt/format.h>
#include <linux/in.h>
#include <linux/netfilter_ipv4.h>

#include <cstring>

#include "flowstamp/stamp.h"

namespace flowstamp::pathtrace {

namespace {

constexpr std::string_view kCounters = "conntrack -S";

std::uint64_t increase(std::uint64_t now, std::uint64_t before) {
    return now > before ? now - before : 0;
}

bool is_ip(const netfilter::Loss& place) {
    return place.family == netfilter::TableFamily::ip ||
           place.family == netfilter::TableFamily::ip6;
}

/// Where packets get their entry.
bool is_at_lookup(const netfilter::Loss& place) {
    using netfilter::NetfilterHook;
    return is_ip(place) && place.spans(NF_IP_PRI_CONNTRACK) &&
           (place.hook == NetfilterHook::prerouting || place.hook == NetfilterHook::output);
}

/// Where a new entry is put into the table: at the end of the packet's way.
bool is_at_confirmation(const netfilter::Loss& place) {
    using netfilter::NetfilterHook;
    return is_ip(place) && place.spans(NF_IP_PRI_CONNTRACK_CONFIRM) &&
           (place.hook == NetfilterHook::input || place.hook == NetfilterHook::postrouting);
}

/// Packets dropped by a hook that does not free them by itself: connection tracking, NAT, the legacy
/// tables.
bool is_freed_for_hook(const NetfilterDropFacts& facts) {
    return facts.function.empty() || facts.function == "nf_hook_slow" ||
           facts.function == "nf_hook_slow_list";
}

bool is_of_nft(const netfilter::DropAttribution& rule) {
    return rule.tool == netfilter::RulesetTool::nft ||
           rule.tool == netfilter::RulesetTool::iptables_nft;
}

/// The place in the kernel's code contradicts the rule.
bool cannot_be(const netfilter::DropAttribution& rule, const NetfilterDropFacts& facts) {
    if (!facts.nft_frees_itself || facts.function.empty()) {
        return false;
    }
    return is_of_nft(rule) ? is_freed_for_hook(facts) : facts.function == "nft_do_chain";
}

std::string ends_text(const fst_path_tuple& tuple) {
    return source_of(tuple).text() + " > " + destination_of(tuple).text();
}

bool is_same(const fst_path_tuple& one, const fst_path_tuple& other) {
    return std::memcmp(&one, &other, sizeof(one)) == 0;
}

std::string dump_of(const fst_path_tuple& reply) {
    return fmt::format("conntrack -L --reply-dst {}", destination_of(reply).ip_text());
}

CounterIncrease counted(std::string_view name, std::uint64_t by) {
    return {.name = fmt::format("connection tracking's {}", name),
            .by = by,
            .shown_by = std::string(kCounters)};
}

/// Neither a rule nor a counter speaks.
DropReasonWords unknown_part() {
    return {.words =
                "netfilter dropped it, and no rule is known there: connection tracking, or "
                "another part of the kernel",
            .look_at = "conntrack -S; dmesg"};
}

void explain_full_table(PathReport::Drop& drop, const NetfilterDropFacts& facts) {
    drop.counter = counted("drop", facts.moved.drop);
    const bool was_full = facts.table && facts.table->most != 0 &&
                          (facts.table->entries >= facts.table->most || facts.moved.early_drop > 0);
    if (!was_full) {
        drop.words = {.words =
                          "connection tracking could not make an entry for it: its table was "
                          "full, or memory was short",
                      .look_at =
                          "conntrack -S; conntrack -C; sysctl net.netfilter.nf_conntrack_max; "
                          "dmesg"};
        return;
    }
    drop.words.words = fmt::format("connection tracking's table is full: {} entries of at most {}",
                                   facts.table->entries, facts.table->most);
    drop.words.look_at =
        fmt::format("sysctl -w net.netfilter.nf_conntrack_max={}{}; conntrack -C; conntrack -S",
                    facts.table->most * 2,
                    facts.table->can_be_raised ? "" : " (in the initial network namespace)");
}

void explain_lookup(PathReport::Drop& drop, const NetfilterDropFacts& facts) {
    // Failed insertions count as drops, too, but are none of here.
    if (facts.moved.drop > facts.moved.insert_failed) {
        explain_full_table(drop, facts);
        return;
    }
    drop.words = unknown_part();
}

void explain_taken_ports(PathReport::Drop& drop, const NetfilterDropFacts& facts) {
    const fst_path_tuple& reply = facts.drop.reply;
    const bool by_source = (facts.drop.flags & FST_PATH_SNAT) != 0;
    const std::string chosen = by_source ? destination_of(reply).text() : source_of(reply).text();
    const std::string tables = "nft list ruleset; iptables -t nat -S";
    if (!facts.holder) {
        drop.words = {
            .words = fmt::format("its entry could not be inserted: when it was, another had "
                                 "the addresses and ports that NAT gave it ({})",
                                 chosen),
            .look_at = dump_of(reply) + "; " + tables};
        return;
    }
    if (is_same(*facts.holder, facts.drop.original)) {
        drop.words = {.words =
                          "two packets of its connection were new at the same time, and NAT gave "
                          "both an entry: the later one is dropped",
                      .look_at = dump_of(reply)};
        return;
    }
    drop.words = {.words = fmt::format("NAT found no free {}: {} is taken by {}",
                                       by_source ? "port" : "address and port", chosen,
                                       ends_text(*facts.holder)),
                  .look_at = fmt::format("more ports or addresses in the NAT rule ({}); {}", tables,
                                         dump_of(reply))};
}

void explain_confirmation(PathReport::Drop& drop, const NetfilterDropFacts& facts) {
    if (facts.moved.insert_failed > 0) {
        drop.counter = counted("insert_failed", facts.moved.insert_failed);
    }
    if (facts.moved.chain_too_long > 0 && facts.moved.chain_too_long == facts.moved.insert_failed) {
        drop.counter = counted("chaintoolong", facts.moved.chain_too_long);
        drop.words = {.words =
                          "its entry could not be inserted: too many share one place in "
                          "connection tracking's hash table",
                      .look_at = "sysctl net.netfilter.nf_conntrack_buckets; conntrack -S"};
    } else if (is_lost_in_nat(facts)) {
        explain_taken_ports(drop, facts);
    } else if (facts.moved.insert_failed > 0) {
        drop.words = {.words =
                          "its entry could not be inserted: another packet of the connection was "
                          "faster, or the entry was deleted",
                      .look_at = "conntrack -S; conntrack -L"};
    } else {
        drop.words = unknown_part();
    }
}

/// A rule may have dropped it, and so may connection tracking, which did drop packets.
void doubt(netfilter::DropAttribution& rule, const ConntrackCounters& moved) {
    if (rule.certainty == netfilter::Certainty::certain) {
        rule.certainty = netfilter::Certainty::probable;
        rule.why =
            fmt::format("connection tracking dropped {} by itself meanwhile (drop in conntrack -S)",
                        moved.drop);
    }
}

/// The rule without what its author quoted: comments, prefixes of logs.
std::string unquoted(const std::string& text) {
    std::string kept;
    bool is_quoted = false;
    for (const char each : text) {
        is_quoted = is_quoted != (each == '"');
        if (!is_quoted) {
            kept += each;
        }
    }
    return kept;
}

/// Whether the rule matches packets that connection tracking calls invalid: "ct state invalid drop",
/// "ct state vmap { invalid : drop }", "--ctstate INVALID,UNTRACKED".
bool asks_for_invalid(const netfilter::DropAttribution& rule) {
    const std::string text = unquoted(rule.text);
    if (const std::size_t at = text.find("ct state "); at != std::string::npos) {
        return !text.substr(at).starts_with("ct state !=") && text.find("invalid", at) != text.npos;
    }
    for (const std::string_view option : {"--ctstate ", "--state "}) {
        const std::size_t at = text.find(option);
        if (at != std::string::npos && !text.substr(0, at).ends_with("! ")) {
            const std::size_t states = at + option.size();
            return text.substr(states, text.find(' ', states) - states).contains("INVALID");
        }
    }
    return false;
}

bool has_entry(const fst_path_event& drop) {
    return (drop.flags & (FST_PATH_CONNTRACK | FST_PATH_UNTRACKED)) != 0;
}

/// The packet had not reached connection tracking yet.
bool is_before_lookup(const netfilter::Loss& place) {
    using netfilter::NetfilterHook;
    return is_ip(place) && place.up_to && *place.up_to < NF_IP_PRI_CONNTRACK &&
           (place.hook == NetfilterHook::prerouting || place.hook == NetfilterHook::output);
}

/// Why connection tracking gave a packet no state, as far as that is known; empty: not at all.
std::string why_invalid(const NetfilterDropFacts& facts) {
    if (!facts.is_known) {
        return {};
    }
    if (*facts.is_known) {
        return ": its connection is known, but its flags, numbers or checksum do not fit that";
    }
    std::string unknown = ": no connection is known for it";
    const unsigned flags =
        facts.drop.tcp_flags & (FST_TCP_SYN | FST_TCP_ACK | FST_TCP_FIN | FST_TCP_RST);
    if (facts.drop.tuple.protocol != IPPROTO_TCP || flags == FST_TCP_SYN) {
        return unknown;
    }
    if (flags != FST_TCP_ACK && flags != (FST_TCP_ACK | FST_TCP_FIN)) {
        return unknown + ", and one begins with a SYN";
    }
    return facts.is_strict
               ? unknown + ", and one is not picked up in its middle (nf_conntrack_tcp_loose is 0)"
               : unknown;
}

/// Whether the packet is of a TCP connection that connection tracking may have forgotten.
bool is_of_forgotten(const NetfilterDropFacts& facts) {
    return facts.is_known == false && facts.drop.tuple.protocol == IPPROTO_TCP &&
           (facts.drop.tcp_flags & (FST_TCP_SYN | FST_TCP_RST)) == 0;
}

/// What to do about a packet that has no state: the rule that drops it is right.
std::string invalid_advice(const NetfilterDropFacts& facts) {
    const bool is_elsewhere = facts.table && !facts.table->can_be_raised;
    std::string log = fmt::format(
        "sysctl -w net.netfilter.nf_conntrack_log_invalid=255; dmesg (it says why from then on{})",
        is_elsewhere ? "; of a network namespace like this one only with "
                       "net.netfilter.nf_log_all_netns=1 in the initial one"
                     : "");
    if (!is_of_forgotten(facts)) {
        return log;
    }
    return fmt::format(
        "an idle connection is forgotten{}: raise "
        "net.netfilter.nf_conntrack_tcp_timeout_established, or "
        "send keepalives sooner; if it was not idle: {}",
        facts.forgets_after ? fmt::format(" after {} s", facts.forgets_after->count()) : "", log);
}

/// A rule may have dropped it; why it matched.
void explain_rule(PathReport::Drop& drop, const NetfilterDropFacts& facts) {
    if (is_before_lookup(facts.place) && asks_for_invalid(*drop.attribution) &&
        !has_entry(facts.drop)) {
        drop.words.words =
            "a netfilter rule dropped it; it stands before connection tracking, where every packet "
            "is invalid";
    } else if (is_dropped_as_invalid(drop, facts)) {
        drop.counter = counted("invalid", facts.moved.invalid);
        drop.words = {.words = "a netfilter rule dropped it; connection tracking calls it invalid" +
                               why_invalid(facts),
                      .look_at = invalid_advice(facts)};
    }
    const std::string text = unquoted(drop.attribution->text);
    if ((text.contains("synproxy") || text.contains("-j SYNPROXY")) &&
        facts.moved.cookie_invalid > 0) {
        drop.counter = {.name = "SYNPROXY's cookie_invalid",
                        .by = facts.moved.cookie_invalid,
                        .shown_by = "cat /proc/net/stat/synproxy"};
    }
}

}  // namespace

ConntrackCounters operator-(const ConntrackCounters& now, const ConntrackCounters& before) {
    return {.drop = increase(now.drop, before.drop),
            .early_drop = increase(now.early_drop, before.early_drop),
            .insert_failed = increase(now.insert_failed, before.insert_failed),
            .invalid = increase(now.invalid, before.invalid),
            .chain_too_long = increase(now.chain_too_long, before.chain_too_long),
            .cookie_invalid = increase(now.cookie_invalid, before.cookie_invalid)};
}

bool is_lost_in_nat(const NetfilterDropFacts& facts) {
    return is_at_confirmation(facts.place) && is_freed_for_hook(facts) &&
           facts.moved.insert_failed > 0 && (facts.drop.flags & FST_PATH_CONNTRACK) != 0 &&
           (facts.drop.flags & (FST_PATH_SNAT | FST_PATH_DNAT)) != 0;
}

bool is_dropped_as_invalid(const PathReport::Drop& drop, const NetfilterDropFacts& facts) {
    return drop.attribution && asks_for_invalid(*drop.attribution) && facts.moved.invalid > 0 &&
           !has_entry(facts.drop) && !is_before_lookup(facts.place);
}

void explain_netfilter_drop(PathReport::Drop& drop, const NetfilterDropFacts& facts) {
    if (drop.attribution && cannot_be(*drop.attribution, facts)) {
        drop.attribution.reset();
    }
    const bool at_lookup = is_at_lookup(facts.place);
    if (!at_lookup && !is_at_confirmation(facts.place)) {
        if (drop.attribution) {
            explain_rule(drop, facts);
        }
        return;
    }
    if (!is_freed_for_hook(facts)) {
        return;
    }
    if (drop.attribution) {
        if (facts.moved.drop > 0) {
            doubt(*drop.attribution, facts.moved);
        }
        return;
    }
    if (at_lookup) {
        explain_lookup(drop, facts);
    } else {
        explain_confirmation(drop, facts);
    }
}

}  // namespace flowstamp::pathtrace
