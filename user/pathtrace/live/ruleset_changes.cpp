// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/ruleset_changes.h"

#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

namespace {

Fd subscribe() {
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    const int group = NFNLGRP_NFTABLES;
    if (!socket ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) != 0 ||
        ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) !=
            0) {
        return {};
    }
    return socket;
}

/// Of a table, chain or rule: sets change with the traffic, and are not compared with it.
bool concerns_rules(std::uint16_t type) {
    switch (NFNL_MSG_TYPE(type)) {
        case NFT_MSG_NEWTABLE:
        case NFT_MSG_DELTABLE:
        case NFT_MSG_NEWCHAIN:
        case NFT_MSG_DELCHAIN:
        case NFT_MSG_NEWRULE:
        case NFT_MSG_DELRULE:
            return NFNL_SUBSYS_ID(type) == NFNL_SUBSYS_NFTABLES;
        default:
            return false;
    }
}

bool any_concerns_rules(const std::byte* data, std::size_t bytes) {
    while (bytes >= sizeof(nlmsghdr)) {
        nlmsghdr header;
        std::memcpy(&header, data, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > bytes) {
            return false;
        }
        if (concerns_rules(header.nlmsg_type)) {
            return true;
        }
        const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes);
        data += step;
        bytes -= step;
    }
    return false;
}

std::vector<std::string> rules_of(const netfilter::Ruleset& ruleset) {
    std::vector<std::string> rules;
    for (const netfilter::Table& table : ruleset.tables) {
        for (const netfilter::Chain& chain : table.chains) {
            const bool drops = chain.base && chain.base->policy_drops;
            rules.push_back(fmt::format("{} {} {} {}", name_of(table.tool, table.family),
                                        table.name, chain.name, drops ? "drops" : ""));
            for (const netfilter::Rule& rule : chain.rules) {
                rules.push_back(rule.text);
            }
        }
    }
    return rules;
}

}  // namespace

RulesetChanges::RulesetChanges() : socket_(subscribe()) {}

void RulesetChanges::listen() {
    alignas(nlmsghdr) std::array<std::byte, 32768> buffer;
    while (socket_) {
        const ssize_t bytes = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
        if (bytes < 0 && errno == EINTR) {
            continue;
        }
        if (bytes < 0) {
            if (errno == ENOBUFS) {  // more than the socket holds
                is_changed_ = true;
                continue;
            }
            return;
        }
        const auto count = static_cast<std::size_t>(bytes);
        if (count > buffer.size() || any_concerns_rules(buffer.data(), count)) {
            is_changed_ = true;
        }
    }
}

void RulesetChanges::compare(const netfilter::Ruleset& ruleset) {
    is_changed_ |= is_another(ruleset);
}

bool RulesetChanges::is_another(const netfilter::Ruleset& ruleset) const {
    return plan_stations(ruleset, {}) != stations_ || rules_of(ruleset) != rules_;
}

void RulesetChanges::planned(const netfilter::Ruleset& ruleset) {
    stations_ = plan_stations(ruleset, {});
    rules_ = rules_of(ruleset);
    is_changed_ = false;
}

}  // namespace flowstamp::pathtrace
