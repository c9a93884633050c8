// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/ruleset_changes.h"

#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>

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
                is_changed_ = announced_.is_unknown = true;
                continue;
            }
            return;
        }
        const auto count = static_cast<std::size_t>(bytes);
        if (count > buffer.size()) {
            is_changed_ = announced_.is_unknown = true;
        } else {
            is_changed_ |= netfilter::add_announced(std::span(buffer).first(count), announced_);
        }
    }
}

void RulesetChanges::compare(const netfilter::Ruleset& ruleset) {
    is_changed_ |= is_another(ruleset);
}

bool RulesetChanges::is_another(const netfilter::Ruleset& ruleset) const {
    return needs_other_stations(ruleset) || rules_of(ruleset) != rules_;
}

bool RulesetChanges::needs_other_stations(const netfilter::Ruleset& ruleset) const {
    return plan_stations(ruleset, {}) != stations_;
}

void RulesetChanges::planned(const netfilter::Ruleset& ruleset) {
    stations_ = plan_stations(ruleset, {});
    rules_ = rules_of(ruleset);
    announced_ = {};
    is_changed_ = false;
}

}  // namespace flowstamp::pathtrace
