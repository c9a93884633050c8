// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_match.h"

#include <netinet/in.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "flowstamp/packet.h"
#include "user/netfilter/condition_values.h"

namespace flowstamp::netfilter {
namespace {

using Json = nlohmann::json;

Condition is_number(Field field, std::uint64_t number) {
    return {.field = field, .ranges = {number_range(number, number)}};
}

Condition is_protocol(std::uint8_t number) {
    return is_number(Field::protocol, number);
}

/// What an expression on the left reads, and what it requires by itself: `tcp dport` a TCP packet.
struct Left {
    Field field;
    Conditions implied{};
    std::uint32_t mask = 0xffffffff;
    bool is_v4 = true;  ///< of an ICMP type
};
/// Those of a concatenation, or one alone.
using Lefts = std::vector<Left>;

std::optional<Left> icmp_type(std::uint8_t protocol) {
    return Left{.field = Field::icmp_type,
                .implied = {is_protocol(protocol)},
                .is_v4 = protocol == IPPROTO_ICMP};
}

std::optional<Left> payload(const std::string& protocol, const std::string& field) {
    if (protocol == "ip" || protocol == "ip6") {
        const Condition family = is_number(Field::is_v4, protocol == "ip" ? 1 : 0);
        if (field == "saddr" || field == "daddr") {
            return Left{field == "saddr" ? Field::source : Field::destination, {family}};
        }
        // An IPv6 packet's next header may be an extension header's.
        return field == "protocol" ? std::optional(Left{Field::protocol, {family}}) : std::nullopt;
    }
    const auto number = protocol_number(protocol);
    if (number && field == "type" && (*number == IPPROTO_ICMP || *number == IPPROTO_ICMPV6)) {
        return icmp_type(*number);
    }
    if (protocol == "tcp" && field == "flags") {
        return Left{Field::tcp_flags, {is_protocol(IPPROTO_TCP)}};
    }
    if (field != "sport" && field != "dport") {
        return std::nullopt;
    }
    const Field port = field == "sport" ? Field::source_port : Field::destination_port;
    if (protocol == "th") {
        return Left{port};
    }
    return number ? std::optional(Left{port, {is_protocol(*number)}}) : std::nullopt;
}

std::optional<Left> meta(const std::string& key) {
    if (key == "iifname" || key == "iif") {
        return Left{Field::in_interface};
    }
    if (key == "oifname" || key == "oif") {
        return Left{Field::out_interface};
    }
    if (key == "mark") {
        return Left{Field::mark};
    }
    if (key == "nfproto") {
        return Left{Field::is_v4};
    }
    return key == "l4proto" ? std::optional(Left{Field::protocol}) : std::nullopt;
}

std::optional<Left> conntrack(const Json& its) {
    const std::string key = its.value("key", "");
    if (its.contains("dir")) {
        return std::nullopt;
    }
    if (key == "state") {
        return Left{Field::state};
    }
    return key == "direction" ? std::optional(Left{Field::is_reply}) : std::nullopt;
}

std::optional<std::uint8_t> tcp_flag(std::string_view name) {
    using Flag = std::pair<std::string_view, std::uint8_t>;
    static constexpr std::array known{Flag{"fin", FST_TCP_FIN}, Flag{"syn", FST_TCP_SYN},
                                      Flag{"rst", FST_TCP_RST}, Flag{"psh", FST_TCP_PSH},
                                      Flag{"ack", FST_TCP_ACK}, Flag{"urg", FST_TCP_URG},
                                      Flag{"ecn", FST_TCP_ECE}, Flag{"cwr", FST_TCP_CWR}};
    const auto* const found = std::ranges::find(known, name, &Flag::first);
    return found == known.end() ? std::nullopt : std::optional(found->second);
}

/// A number as the field's symbols stand for it; nothing: not understood.
std::optional<std::uint64_t> symbol(const Left& left, const std::string& text) {
    const auto widened = [](auto known) -> std::optional<std::uint64_t> {
        return known ? std::optional(static_cast<std::uint64_t>(*known)) : std::nullopt;
    };
    switch (left.field) {
        case Field::protocol:
            return widened(protocol_number(text));
        case Field::tcp_flags:
            return widened(tcp_flag(text));
        case Field::icmp_type:
            return widened(icmp_type_number(text, left.is_v4));
        case Field::state:
            return widened(conntrack_state(text));
        case Field::is_reply:
            return text == "reply"      ? std::optional<std::uint64_t>(1)
                   : text == "original" ? std::optional<std::uint64_t>(0)
                                        : std::nullopt;
        case Field::is_v4:
            return text == "ipv4"   ? std::optional<std::uint64_t>(1)
                   : text == "ipv6" ? std::optional<std::uint64_t>(0)
                                    : std::nullopt;
        default:
            return std::nullopt;
    }
}

/// "syn", ["syn", "ack"], {"|": ["syn", "ack"]} or a number: bits that are set together.
std::optional<std::uint32_t> bits_in(const Left& left, const Json& value) {
    if (value.is_number_unsigned()) {
        return value.get<std::uint32_t>();
    }
    if (value.is_string()) {
        const auto bit = symbol(left, value.get<std::string>());
        return bit ? std::optional(static_cast<std::uint32_t>(*bit)) : std::nullopt;
    }
    const Json& list = value.is_object() && value.contains("|") ? value.at("|") : value;
    if (!list.is_array()) {
        return std::nullopt;
    }
    std::uint32_t all = 0;
    for (const Json& one : list) {
        const auto bits = bits_in(left, one);
        if (!bits) {
            return std::nullopt;
        }
        all |= *bits;
    }
    return all;
}

std::optional<Left> left_of(const Json& expression) {
    if (!expression.is_object() || expression.empty()) {
        return std::nullopt;
    }
    const std::string& kind = expression.begin().key();
    const Json& its = expression.begin().value();
    if (kind == "payload") {
        return payload(its.value("protocol", ""), its.value("field", ""));
    }
    if (kind == "meta") {
        return meta(its.value("key", ""));
    }
    if (kind == "ct") {
        return conntrack(its);
    }
    if (kind != "&" || !its.is_array() || its.size() != 2) {
        return std::nullopt;
    }
    auto masked = left_of(its[0]);
    if (!masked || (masked->field != Field::tcp_flags && masked->field != Field::mark)) {
        return std::nullopt;
    }
    const auto mask = bits_in(*masked, its[1]);
    if (!mask) {
        return std::nullopt;
    }
    masked->mask = *mask;
    return masked;
}

std::optional<Lefts> lefts_of(const Json& expression) {
    if (!expression.is_object() || !expression.contains("concat")) {
        auto one = left_of(expression);
        return one ? std::optional(Lefts{*std::move(one)}) : std::nullopt;
    }
    Lefts lefts;
    for (const Json& part : expression.at("concat")) {
        auto one = left_of(part);
        if (!one) {
            return std::nullopt;
        }
        lefts.push_back(*std::move(one));
    }
    return lefts;
}

std::optional<Value> single(const Left& left, const Json& value) {
    if (value.is_number_unsigned()) {
        return value_of(value.get<std::uint64_t>());
    }
    if (value.is_string() && (left.field == Field::source || left.field == Field::destination)) {
        return address_value(value.get<std::string>());
    }
    const auto bits = bits_in(left, value);
    return bits ? std::optional(value_of(*bits)) : std::nullopt;
}

bool is_interface(Field field) {
    return field == Field::in_interface || field == Field::out_interface;
}

/// Adds what one element of the right side stands for; false: not understood.
bool add(Condition& condition, const Left& left, const Json& value) {
    if (value.is_object() && value.contains("set")) {
        for (const Json& element : value.at("set")) {
            if (!add(condition, left, element)) {
                return false;
            }
        }
        return true;
    }
    if (value.is_object() && value.contains("elem")) {
        return add(condition, left, value.at("elem").value("val", Json()));
    }
    if (is_interface(left.field)) {
        if (!value.is_string() || value.get<std::string>().starts_with('@')) {
            return false;
        }
        condition.names.push_back(value.get<std::string>());
        return true;
    }
    std::optional<Condition::Range> range;
    if (value.is_object() && value.contains("prefix")) {
        const Json& its = value.at("prefix");
        range = prefix_range(its.value("addr", ""), its.value("len", std::uint64_t{0}));
    } else if (value.is_object() && value.contains("range")) {
        const auto first = single(left, value.at("range").at(0));
        const auto last = single(left, value.at("range").at(1));
        if (first && last) {
            range = Condition::Range{*first, *last};
        }
    } else if (const auto one = single(left, value)) {
        range = Condition::Range{*one, *one};
    }
    if (range) {
        condition.ranges.push_back(*range);
    }
    return range.has_value();
}

/// `<`, `>` and the like, of numbers.
std::optional<Condition> compared(const Left& left, const std::string& operation,
                                  const Json& value) {
    if (!value.is_number_unsigned() || is_interface(left.field)) {
        return std::nullopt;
    }
    const auto number = value.get<std::uint64_t>();
    constexpr std::uint64_t kMost = 0xffffffff;
    Condition condition{.field = left.field, .mask = left.mask};
    condition.negated = operation == "<" || operation == "<=";
    if (operation == ">" || operation == "<=") {
        condition.ranges = {number_range(number + 1, kMost)};
    } else if (operation == ">=" || operation == "<") {
        condition.ranges = {number_range(number, kMost)};
    } else {
        return std::nullopt;
    }
    return condition;
}

/// One field against the right side; nothing: not understood.
std::optional<Condition> condition_of(const Left& left, const std::string& operation,
                                      const Json& right) {
    // `tcp flags syn` and `ct state new` ask for any of the bits, `tcp flags ! syn` for none.
    const bool is_bitwise = operation == "in" || operation == "!";
    if (is_bitwise) {
        const auto bits = bits_in(left, right);
        return bits ? std::optional(Condition{.field = left.field,
                                              .negated = operation == "in",
                                              .ranges = {number_range(0, 0)},
                                              .mask = *bits & left.mask})
                    : std::nullopt;
    }
    if (operation != "==" && operation != "!=") {
        return compared(left, operation, right);
    }
    Condition condition{.field = left.field, .negated = operation == "!=", .mask = left.mask};
    return add(condition, left, right) ? std::optional(std::move(condition)) : std::nullopt;
}

void imply(Conditions& conditions, const Lefts& lefts) {
    for (const Left& left : lefts) {
        conditions.insert(conditions.end(), left.implied.begin(), left.implied.end());
    }
}

Membership membership_in(const std::string& name, const Lefts& lefts, bool negated,
                         const NftScope& scope) {
    Membership membership{.set = {.family = scope.family, .table = scope.table, .name = name},
                          .negated = negated};
    for (const Left& left : lefts) {
        membership.fields.push_back(left.field);
    }
    NamedSet volatile_one = membership.set;
    volatile_one.is_volatile = true;
    if (scope.volatile_sets != nullptr && scope.volatile_sets->contains(volatile_one)) {
        membership.set = volatile_one;
    }
    return membership;
}

/// The conditions of one element of a concatenation's set; nothing: not understood.
std::optional<Conditions> element_of(const Lefts& lefts, const Json& element) {
    if (element.is_object() && element.contains("elem")) {
        return element_of(lefts, element.at("elem").value("val", Json()));
    }
    const bool is_concatenation = element.is_object() && element.contains("concat");
    const Json parts = is_concatenation ? element.at("concat") : Json::array({element});
    if (parts.size() != lefts.size()) {
        return std::nullopt;
    }
    Conditions conditions;
    for (std::size_t i = 0; i < lefts.size(); i++) {
        auto condition = condition_of(lefts[i], "==", parts[i]);
        if (!condition) {
            return std::nullopt;
        }
        conditions.push_back(*std::move(condition));
    }
    return conditions;
}

/// A concatenation against a set that is written into the rule.
std::optional<std::vector<Conditions>> alternatives(const Lefts& lefts, const Json& right) {
    const Json elements =
        right.is_object() && right.contains("set") ? right.at("set") : Json::array({right});
    std::vector<Conditions> found;
    for (const Json& element : elements) {
        auto conditions = element_of(lefts, element);
        if (!conditions) {
            return std::nullopt;
        }
        found.push_back(*std::move(conditions));
    }
    return found;
}

}  // namespace

bool add_nft_match(RuleMatch& rule, const Json& match, const NftScope& scope) {
    const auto lefts = match.is_object() ? lefts_of(match.value("left", Json())) : std::nullopt;
    if (!lefts || lefts->empty()) {
        return false;
    }
    const std::string operation = match.value("op", "==");
    const Json right = match.value("right", Json());
    const bool is_equality = operation == "==" || operation == "!=";
    if (right.is_string() && right.get<std::string>().starts_with('@')) {
        if (!is_equality || lefts->front().mask != 0xffffffff) {
            return false;
        }
        imply(rule.conditions, *lefts);
        rule.memberships.push_back(
            membership_in(right.get<std::string>().substr(1), *lefts, operation == "!=", scope));
        return true;
    }
    if (lefts->size() == 1) {
        auto condition = condition_of(lefts->front(), operation, right);
        if (!condition) {
            return false;
        }
        imply(rule.conditions, *lefts);
        rule.conditions.push_back(*std::move(condition));
        return true;
    }
    auto any =
        operation == "==" && rule.any_of.empty() ? alternatives(*lefts, right) : std::nullopt;
    if (!any) {
        return false;
    }
    imply(rule.conditions, *lefts);
    rule.any_of = *std::move(any);
    return true;
}

std::optional<Conditions> nft_element_conditions(const Json& key, const Json& element) {
    const auto lefts = lefts_of(key);
    auto conditions = lefts ? element_of(*lefts, element) : std::nullopt;
    if (conditions) {
        imply(*conditions, *lefts);
    }
    return conditions;
}

}  // namespace flowstamp::netfilter
