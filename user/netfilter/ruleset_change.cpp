// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/ruleset_change.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "user/netfilter/dropping_rules.h"
#include "user/netfilter/nft_trace.h"

namespace flowstamp::netfilter {
namespace {

using Bytes = std::span<const std::byte>;

template <class Header>
std::optional<Header> header_of(Bytes data) {
    if (data.size() < sizeof(Header)) {
        return std::nullopt;
    }
    Header header;
    std::memcpy(&header, data.data(), sizeof(header));
    return header;
}

/// The next of several that follow one another, each aligned, and what follows it. `length`: of the first,
/// with its header.
Bytes take(Bytes& data, std::size_t length) {
    const Bytes first = data.first(length);
    data = data.subspan(std::min<std::size_t>(NLMSG_ALIGN(length), data.size()));
    return first;
}

/// The value of an attribute; nothing if there is none.
std::optional<Bytes> attribute(Bytes data, std::uint16_t type) {
    while (const auto header = header_of<nlattr>(data)) {
        if (header->nla_len < sizeof(nlattr) || header->nla_len > data.size()) {
            break;
        }
        const Bytes whole = take(data, header->nla_len);
        if ((header->nla_type & NLA_TYPE_MASK) == type) {
            return whole.subspan(sizeof(nlattr));
        }
    }
    return std::nullopt;
}

std::optional<TableFamily> family_of(std::uint8_t protocol) {
    switch (protocol) {
        case NFPROTO_IPV4:
            return TableFamily::ip;
        case NFPROTO_IPV6:
            return TableFamily::ip6;
        case NFPROTO_INET:
            return TableFamily::inet;
        case NFPROTO_BRIDGE:
            return TableFamily::bridge;
        case NFPROTO_ARP:
            return TableFamily::arp;
        case NFPROTO_NETDEV:
            return TableFamily::netdev;
        default:
            return std::nullopt;
    }
}

bool concerns_rules(std::uint16_t type) {
    if (NFNL_SUBSYS_ID(type) != NFNL_SUBSYS_NFTABLES) {
        return false;
    }
    switch (NFNL_MSG_TYPE(type)) {
        case NFT_MSG_NEWTABLE:
        case NFT_MSG_DELTABLE:
        case NFT_MSG_NEWCHAIN:
        case NFT_MSG_DELCHAIN:
        case NFT_MSG_NEWRULE:
        case NFT_MSG_DELRULE:
            return true;
        default:
            return false;
    }
}

bool concerns_sets(std::uint16_t type) {
    if (NFNL_SUBSYS_ID(type) != NFNL_SUBSYS_NFTABLES) {
        return false;
    }
    switch (NFNL_MSG_TYPE(type)) {
        case NFT_MSG_NEWSET:
        case NFT_MSG_DELSET:
        case NFT_MSG_NEWSETELEM:
        case NFT_MSG_DELSETELEM:
            return true;
        default:
            return false;
    }
}

std::string text_of(Bytes value) {
    std::string text(reinterpret_cast<const char*>(value.data()), value.size());
    text.resize(std::strlen(text.c_str()));
    return text;
}

/// The family of the table that a message is about, and the message's attributes. `body`: without the netlink
/// header.
std::pair<std::optional<TableFamily>, Bytes> content_of(Bytes body) {
    const auto about = header_of<nfgenmsg>(body);
    if (!about) {
        return {};
    }
    return {family_of(about->nfgen_family), body.subspan(sizeof(nfgenmsg))};
}

/// `body`: without the netlink header.
void add_set(Bytes body, RulesetChange& change) {
    static_assert(NFTA_SET_TABLE == int{NFTA_SET_ELEM_LIST_TABLE} &&
                  NFTA_SET_NAME == int{NFTA_SET_ELEM_LIST_SET});
    const auto [family, attributes] = content_of(body);
    const auto table = attribute(attributes, NFTA_SET_TABLE);
    const auto name = attribute(attributes, NFTA_SET_NAME);
    if (!family || !table || !name) {
        change.is_unknown = true;
        return;
    }
    change.sets.insert({.family = std::string(name_of(*family)),
                        .table = text_of(*table),
                        .name = text_of(*name)});
}

/// False if it is about no rules. `body`: without the netlink header.
bool add_message(std::uint16_t type, Bytes body, RulesetChange& change) {
    // In messages about tables, chains and rules alike.
    static_assert(NFTA_TABLE_NAME == int{NFTA_CHAIN_TABLE} &&
                  NFTA_TABLE_NAME == int{NFTA_RULE_TABLE});
    if (concerns_sets(type)) {
        add_set(body, change);
    }
    if (!concerns_rules(type)) {
        return false;
    }
    const auto [family, attributes] = content_of(body);
    const auto name = attribute(attributes, NFTA_TABLE_NAME);
    if (!family || !name) {
        change.is_unknown = true;
        return true;
    }
    std::string table = text_of(*name);
    if (table.starts_with(kTraceTable)) {
        return false;
    }
    RulesetChange::OfTable& its = change.tables[{*family, std::move(table)}];
    const auto what = NFNL_MSG_TYPE(type);
    its.is_made |= what == NFT_MSG_NEWTABLE;
    // A table that is no longer dormant is announced as new; a chain without a hook is only jumped to.
    its.has_new_place |= what == NFT_MSG_NEWTABLE ||
                         (what == NFT_MSG_NEWCHAIN && attribute(attributes, NFTA_CHAIN_HOOK));
    return true;
}

bool is_called_at(const Ruleset& ruleset, const RulesetChange::Name& name, const Loss& loss) {
    return std::ranges::any_of(ruleset.tables, [&](const Table& table) {
        return table.family == name.first && table.name == name.second && has_chain_at(table, loss);
    });
}

}  // namespace

bool RulesetChange::may_concern(const Ruleset& before, const Ruleset& after,
                                const Loss& loss) const {
    return may_have_new_place() || std::ranges::any_of(tables, [&](const auto& entry) {
               return is_called_at(before, entry.first, loss) ||
                      is_called_at(after, entry.first, loss);
           });
}

bool add_announced(std::span<const std::byte> messages, RulesetChange& change) {
    bool is_any = false;
    while (const auto header = header_of<nlmsghdr>(messages)) {
        if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > messages.size()) {
            change.is_unknown = true;
            return true;
        }
        const Bytes whole = take(messages, header->nlmsg_len);
        is_any |= add_message(header->nlmsg_type, whole.subspan(sizeof(nlmsghdr)), change);
    }
    return is_any;
}

}  // namespace flowstamp::netfilter
