// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/rule_match.h"

#include <algorithm>
#include <string_view>

namespace flowstamp::netfilter {
namespace {

using Field = Condition::Field;

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

/// Whether the field is one of the condition's values; nothing: that is not known of the packet.
std::optional<bool> is_one_of(const Condition& condition, const PacketHeaders& packet) {
    const auto number = [&](auto known) -> std::optional<bool> {
        return known ? std::optional(is_among(value_of(*known), condition.ranges)) : std::nullopt;
    };
    const auto name = [&](const std::optional<std::string>& known) -> std::optional<bool> {
        return known ? std::optional(is_named(*known, condition.names)) : std::nullopt;
    };
    switch (condition.field) {
        case Field::is_v4:
            return is_among(value_of(packet.is_v4), condition.ranges);
        case Field::protocol:
            return is_among(value_of(packet.protocol), condition.ranges);
        case Field::source:
            return is_among(packet.source, condition.ranges);
        case Field::destination:
            return is_among(packet.destination, condition.ranges);
        case Field::source_port:
            return number(packet.source_port);
        case Field::destination_port:
            return number(packet.destination_port);
        case Field::either_port:
            return packet.source_port && packet.destination_port
                       ? std::optional(*number(packet.source_port) ||
                                       *number(packet.destination_port))
                       : std::nullopt;
        case Field::in_interface:
            return name(packet.in_interface);
        case Field::out_interface:
            return name(packet.out_interface);
        case Field::tcp_flags:
            return packet.tcp_flags ? number(std::optional(*packet.tcp_flags & condition.mask))
                                    : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

Value value_of(std::uint64_t number) {
    Value value{};
    for (std::size_t i = 0; i < sizeof(number); i++) {
        value[value.size() - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    return value;
}

Matches matches(const RuleMatch& rule, const PacketHeaders& packet) {
    bool all_known = rule.is_complete;
    for (const Condition& condition : rule.conditions) {
        const std::optional<bool> is = is_one_of(condition, packet);
        if (is && *is == condition.negated) {
            return Matches::no;
        }
        all_known = all_known && is.has_value();
    }
    return all_known ? Matches::yes : Matches::maybe;
}

}  // namespace flowstamp::netfilter
