// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_match.h"

#include <netinet/in.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "user/netfilter/condition_values.h"

namespace flowstamp::netfilter {
namespace {

using Json = nlohmann::json;
using Field = Condition::Field;

Condition is_number(Field field, std::uint64_t number) {
    return {.field = field, .ranges = {number_range(number, number)}};
}

/// What an expression on the left reads, and what it requires by itself: `tcp dport` a TCP packet.
struct Left {
    Field field;
    std::vector<Condition> implied{};
};

std::optional<Left> payload(const std::string& protocol, const std::string& field) {
    if (protocol == "ip" || protocol == "ip6") {
        const Condition family = is_number(Field::is_v4, protocol == "ip" ? 1 : 0);
        if (field == "saddr" || field == "daddr") {
            return Left{field == "saddr" ? Field::source : Field::destination, {family}};
        }
        // An IPv6 packet's next header may be an extension header's.
        return field == "protocol" ? std::optional(Left{Field::protocol, {family}}) : std::nullopt;
    }
    if (field != "sport" && field != "dport") {
        return std::nullopt;
    }
    const Field port = field == "sport" ? Field::source_port : Field::destination_port;
    if (protocol == "th") {
        return Left{port};
    }
    const auto number = protocol_number(protocol);
    return number ? std::optional(Left{port, {is_number(Field::protocol, *number)}}) : std::nullopt;
}

std::optional<Left> meta(const std::string& key) {
    if (key == "iifname" || key == "iif") {
        return Left{Field::in_interface};
    }
    if (key == "oifname" || key == "oif") {
        return Left{Field::out_interface};
    }
    return key == "l4proto" ? std::optional(Left{Field::protocol}) : std::nullopt;
}

std::optional<Left> left_of(const Json& expression) {
    if (!expression.is_object()) {
        return std::nullopt;
    }
    if (expression.contains("payload")) {
        const Json& its = expression.at("payload");
        return payload(its.value("protocol", ""), its.value("field", ""));
    }
    return expression.contains("meta") ? meta(expression.at("meta").value("key", ""))
                                       : std::nullopt;
}

std::optional<Value> single(Field field, const Json& value) {
    if (value.is_number_unsigned()) {
        return value_of(value.get<std::uint64_t>());
    }
    if (!value.is_string()) {
        return std::nullopt;
    }
    const std::string text = value.get<std::string>();
    if (field == Field::protocol) {
        const auto number = protocol_number(text);
        return number ? std::optional(value_of(*number)) : std::nullopt;
    }
    return field == Field::source || field == Field::destination ? address_value(text)
                                                                 : std::nullopt;
}

/// Adds what one element of the right side stands for; false: not understood.
bool add(Condition& condition, const Json& value) {
    if (value.is_object() && value.contains("set")) {
        for (const Json& element : value.at("set")) {
            if (!add(condition, element)) {
                return false;
            }
        }
        return true;
    }
    if (value.is_object() && value.contains("elem")) {
        return add(condition, value.at("elem").value("val", Json()));
    }
    if (condition.field == Field::in_interface || condition.field == Field::out_interface) {
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
        const auto first = single(condition.field, value.at("range").at(0));
        const auto last = single(condition.field, value.at("range").at(1));
        if (first && last) {
            range = Condition::Range{*first, *last};
        }
    } else if (const auto one = single(condition.field, value)) {
        range = Condition::Range{*one, *one};
    }
    if (range) {
        condition.ranges.push_back(*range);
    }
    return range.has_value();
}

}  // namespace

std::optional<std::vector<Condition>> nft_conditions(const nlohmann::json& match) {
    if (!match.is_object()) {
        return std::nullopt;
    }
    const std::string operation = match.value("op", "==");
    auto left = left_of(match.value("left", Json()));
    if (!left || (operation != "==" && operation != "!=" && operation != "in")) {
        return std::nullopt;
    }
    Condition condition{.field = left->field, .negated = operation == "!="};
    if (!add(condition, match.value("right", Json()))) {
        return std::nullopt;
    }
    left->implied.push_back(std::move(condition));
    return std::move(left->implied);
}

}  // namespace flowstamp::netfilter
