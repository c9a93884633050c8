// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/value_text.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "flowstamp/evidence.h"
#include "flowstamp/hops.h"
#include "user/base/printable.h"
#include "user/base/time_text.h"
#include "user/net/names.h"
#include "user/output/text/counted.h"
#include "user/output/text/icmp_words.h"
#include "user/output/text/words.h"

namespace flowstamp::output {

using analysis::Field;
using analysis::FieldType;

namespace {

std::string flag_text(Field field, bool is_set) {
#define FLAG_WORDS(name, set, not_set)     \
    if (field == Field::name) {            \
        return is_set ? (set) : (not_set); \
    }
#include "user/output/text/phrases.def"
    return is_set ? "yes" : "no";
}

std::string word_text(Field field, const std::string& word) {
#define WORD(name, known, text)                    \
    if (field == Field::name && word == (known)) { \
        return text;                               \
    }
#include "user/output/text/phrases.def"
    return printable(word);
}

std::string number_text(FieldType type, std::uint64_t number) {
    switch (type) {
        case FieldType::ttl:
            return net::ttl_text(static_cast<std::uint8_t>(number));
        case FieldType::hops:
            return hops_text(number);
        case FieldType::times:
            return number == 1 ? "once" : counted(number, "time");
        case FieldType::ip_id:
            return number == 0 ? "0" : fmt::format("{:#06x}", number);
        case FieldType::bytes:
            return counted(number, "byte");
        case FieldType::pass_reason:
            return std::string(text_of(static_cast<fst_pass_reason>(number)));
        default:
            return std::to_string(number);
    }
}

/// Text of each kind of value.
struct ToText {
    Field field;
    FieldType type;

    std::string operator()(std::uint64_t number) const { return number_text(type, number); }
    std::string operator()(const std::vector<std::uint64_t>& ttls) const {
        return net::ttls_text(std::vector<std::uint8_t>(ttls.begin(), ttls.end()));
    }
    std::string operator()(Nanoseconds length) const { return duration_text(length); }
    std::string operator()(const net::Endpoint& endpoint) const {
        return type == FieldType::address ? endpoint.ip_text() : endpoint.text();
    }
    std::string operator()(const analysis::Mac& mac) const { return net::mac_text(mac); }
    std::string operator()(const std::string& word) const { return word_text(field, word); }
    std::string operator()(bool is_set) const { return flag_text(field, is_set); }
    std::string operator()(const analysis::IcmpError& error) const {
        return std::string(icmp_words(error));
    }
};

std::string_view field_words(Field field) {
    switch (field) {
#define FIELD_WORDS(name, text) \
    case Field::name:           \
        return text;
#include "user/output/text/phrases.def"
        default:
            return "{}";
    }
}

}  // namespace

std::string hops_text(std::uint64_t hops) {
    return hops > FST_HOPS_MAX ? "an unknown number of hops" : counted(hops, "hop");
}

std::string value_text(Field field, const analysis::Value& value) {
    return std::visit(ToText{field, analysis::entry_of(field).type}, value);
}

std::string values_text(const analysis::Values& values) {
    std::string text;
    bool has_hops = false;
    for (const auto& [field, value] : values) {
        const FieldType type = analysis::entry_of(field).type;
        if (type == FieldType::hops && has_hops) {
            continue;  // the text of a TTL includes them
        }
        has_hops = has_hops || type == FieldType::ttl || type == FieldType::ttls;
        text += text.empty() ? "" : ", ";
        text += fmt::format(fmt::runtime(field_words(field)), value_text(field, value));
    }
    return text.empty() ? "-" : text;
}

}  // namespace flowstamp::output
