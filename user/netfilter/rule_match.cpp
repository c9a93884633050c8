// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/rule_match.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "user/netfilter/condition_values.h"

namespace flowstamp::netfilter {
namespace {

bool is_among(const Value& value, const std::vector<Condition::Range>& ranges) {
    return std::ranges::any_of(ranges, [&](const Condition::Range& range) {
        return range.first <= value && value <= range.last;
    });
}

bool is_named(std::string_view interface, const std::vector<std::string>& names) {
    return std::ranges::any_of(names, [&](std::string_view name) {
        return name.ends_with('*') ? interface.starts_with(name.substr(0, name.size() - 1))
                                   : interface == name;
    });
}

/// The packet's value of a field that is no interface; nothing: not known.
std::optional<Value> value_in(Field field, const PacketHeaders& packet, std::uint32_t mask) {
    const auto number = [&](auto known) -> std::optional<Value> {
        return known ? std::optional(value_of(static_cast<std::uint32_t>(*known) & mask))
                     : std::nullopt;
    };
    switch (field) {
        case Field::is_v4:
            return value_of(packet.is_v4);
        case Field::protocol:
            return value_of(packet.protocol);
        case Field::source:
            return packet.source;
        case Field::destination:
            return packet.destination;
        case Field::source_port:
            return number(packet.source_port);
        case Field::destination_port:
            return number(packet.destination_port);
        case Field::tcp_flags:
            return number(packet.tcp_flags);
        case Field::icmp_type:
            return number(packet.icmp_type);
        case Field::state:
            return number(packet.state);
        case Field::is_reply:
            return number(packet.is_reply);
        case Field::mark:
            return number(packet.mark);
        case Field::either_port:
        case Field::in_interface:
        case Field::out_interface:
            break;
    }
    return std::nullopt;
}

/// Whether the field is one of the condition's values; nothing: that is not known of the packet.
std::optional<bool> is_one_of(const Condition& condition, const PacketHeaders& packet) {
    if (condition.field == Field::in_interface || condition.field == Field::out_interface) {
        const std::optional<std::string>& known =
            condition.field == Field::in_interface ? packet.in_interface : packet.out_interface;
        return known ? std::optional(is_named(*known, condition.names)) : std::nullopt;
    }
    if (condition.field == Field::either_port) {
        const auto one = value_in(Field::source_port, packet, condition.mask);
        const auto other = value_in(Field::destination_port, packet, condition.mask);
        return one && other ? std::optional(is_among(*one, condition.ranges) ||
                                            is_among(*other, condition.ranges))
                            : std::nullopt;
    }
    const auto value = value_in(condition.field, packet, condition.mask);
    return value ? std::optional(is_among(*value, condition.ranges)) : std::nullopt;
}

Matches matches(const Condition& condition, const PacketHeaders& packet) {
    const std::optional<bool> is = is_one_of(condition, packet);
    return !is ? Matches::maybe : *is == condition.negated ? Matches::no : Matches::yes;
}

Matches matches(const Membership& membership, const PacketHeaders& packet,
                const SetAnswers& answers) {
    const auto query = set_query(membership, packet);
    const auto answer = query ? answers.find(*query) : answers.end();
    if (answer == answers.end()) {
        return Matches::maybe;
    }
    const bool is_member = answer->second != membership.negated;
    // The packet itself may have put an element into a set; of an ipset nobody announces changes.
    if (membership.set.is_volatile || membership.set.is_ipset()) {
        return is_member ? Matches::likely : Matches::unlikely;
    }
    return is_member ? Matches::yes : Matches::no;
}

/// As nft and ipset write the field's value in an element; nothing: not known, or not written in elements.
std::optional<std::string> element_text(Field field, const PacketHeaders& packet, bool is_ipset) {
    const auto number = [](auto known) -> std::optional<std::string> {
        return known ? std::optional(fmt::format("{}", *known)) : std::nullopt;
    };
    switch (field) {
        case Field::source:
            return address_text(packet.source);
        case Field::destination:
            return address_text(packet.destination);
        case Field::protocol:
            return number(std::optional(packet.protocol));
        case Field::source_port:
            return number(packet.source_port);
        case Field::destination_port:
            return number(packet.destination_port);
        case Field::mark:
            return number(packet.mark);
        case Field::in_interface:
        case Field::out_interface: {
            const auto& name =
                field == Field::in_interface ? packet.in_interface : packet.out_interface;
            if (!name || name->contains('"')) {
                return std::nullopt;
            }
            return is_ipset ? name : std::optional('"' + *name + '"');
        }
        default:
            return std::nullopt;
    }
}

}  // namespace

Value value_of(std::uint64_t number) {
    Value value{};
    for (std::size_t i = 0; i < sizeof(number); i++) {
        value[value.size() - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    return value;
}

Matches matches(const Conditions& conditions, const PacketHeaders& packet) {
    Matches all = Matches::yes;
    for (const Condition& condition : conditions) {
        all = std::min(all, matches(condition, packet));
    }
    return all;
}

Matches matches(const RuleMatch& rule, const PacketHeaders& packet, const SetAnswers& answers) {
    Matches all = std::min(rule.is_complete ? Matches::yes : Matches::maybe,
                           matches(rule.conditions, packet));
    for (const Membership& membership : rule.memberships) {
        all = std::min(all, matches(membership, packet, answers));
    }
    if (rule.any_of.empty()) {
        return all;
    }
    Matches any = Matches::no;
    for (const Conditions& alternative : rule.any_of) {
        any = std::max(any, matches(alternative, packet));
    }
    return std::min(all, any);
}

std::optional<SetQuery> set_query(const Membership& membership, const PacketHeaders& packet) {
    const bool is_ipset = membership.set.is_ipset();
    std::vector<std::string> parts;
    for (const Field field : membership.fields) {
        auto text = element_text(field, packet, is_ipset);
        if (!text) {
            return std::nullopt;
        }
        const bool is_port = field == Field::source_port || field == Field::destination_port;
        if (is_port && is_ipset && membership.fields.size() > 1) {
            text = fmt::format("{}:{}", packet.protocol, *text);
        }
        parts.push_back(*std::move(text));
    }
    return SetQuery{membership.set, fmt::format("{}", fmt::join(parts, is_ipset ? "," : " . "))};
}

}  // namespace flowstamp::netfilter
