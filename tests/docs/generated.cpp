// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/docs/generated.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "user/analysis/finding.h"
#include "user/analysis/names.h"
#include "user/analysis/signal.h"
#include "user/analysis/values.h"
#include "user/metrics/metric.h"
#include "user/net/interface_change.h"

namespace flowstamp::docs {

using analysis::FieldEntry;
using analysis::FieldType;
using analysis::SignalEntry;
using analysis::Strength;

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kStrengths = {Strength::conclusive,           Strength::strong,
                                   Strength::weak_corroborating,   Strength::weak,
                                   Strength::corroborates_genuine, Strength::benign};

struct CauseEntry {
    std::string_view name, reset, recognised_by;
};
constexpr std::array kCauses = {
#define FST_CAUSE(name, value, json_name, words, reset, recognised_by) \
    CauseEntry{json_name, reset, recognised_by},
#include "flowstamp/causes.def"
};

/// The names of a list, in its order.
template <class Entries>
Json names(const Entries& entries) {
    Json list = Json::array();
    for (const auto& entry : entries) {
        list.push_back(entry.name);
    }
    return list;
}

Json type_of(FieldType type) {
    switch (type) {
        case FieldType::ttls:
            return {{"type", "array"}, {"items", {{"type", "integer"}, {"minimum", 0}}}};
        case FieldType::address:
            return {{"$ref", "#/$defs/address"}};
        case FieldType::mac:
            return {{"type", "string"}, {"pattern", "^([0-9a-f]{2}:){5}[0-9a-f]{2}$"}};
        case FieldType::endpoint:
        case FieldType::word:
            return {{"type", "string"}, {"minLength", 1}};
        case FieldType::flag:
            return {{"type", "boolean"}};
        default:
            return {{"type", "integer"}, {"minimum", 0}};
    }
}

/// A name that two fields share may have the type of either.
Json field_properties() {
    Json properties = Json::object();
    for (const FieldEntry& field : analysis::every_field()) {
        if (field.json_name.empty()) {
            continue;
        }
        Json described = {{"description", field.meaning}};
        described.update(type_of(field.type));
        Json& property = properties[std::string(field.json_name)];
        if (property.is_null()) {
            property = std::move(described);
        } else if (property.contains("oneOf")) {
            property["oneOf"].push_back(std::move(described));
        } else {
            property = {{"oneOf", Json::array({property, std::move(described)})}};
        }
    }
    return properties;
}

std::string against() {
    std::string table =
        "| strength | family | signal | what it says, its guards, its source |\n"
        "|---|---|---|---|\n";
    for (const SignalEntry& signal : analysis::every_signal()) {
        if (signal.family && signal.strength != Strength::corroborates_genuine) {
            table += fmt::format("| {} | {} | `{}` | {} |\n", analysis::name_of(signal.strength),
                                 analysis::name_of(*signal.family), signal.name, signal.meaning);
        }
    }
    return table;
}

/// A table of the signals for which `chosen` is true.
template <class Choice>
std::string signals(const Choice& chosen) {
    std::string table =
        "| strength | signal | what it says, its guards, its source |\n|---|---|---|\n";
    for (const SignalEntry& signal : analysis::every_signal()) {
        if (chosen(signal)) {
            table += fmt::format("| {} | `{}` | {} |\n", analysis::name_of(signal.strength),
                                 signal.name, signal.meaning);
        }
    }
    return table;
}

bool is_for_reset(const SignalEntry& signal) {
    return signal.strength == Strength::corroborates_genuine || signal.strength == Strength::benign;
}

bool is_of_other_finding(const SignalEntry& signal) {
    return !signal.family && !is_for_reset(signal);
}

std::string causes() {
    std::string table = "| cause | the reset | recognised by |\n|---|---|---|\n";
    for (const CauseEntry& cause : kCauses) {
        if (cause.name != analysis::name_of(FST_CAUSE_FORGED)) {
            table +=
                fmt::format("| `{}` | {} | {} |\n", cause.name, cause.reset, cause.recognised_by);
        }
    }
    return table;
}

std::string kinds() {
    std::string table = "| kind | what went wrong |\n|---|---|\n";
    for (const analysis::FindingKindEntry& kind : analysis::every_finding_kind()) {
        table += fmt::format("| [{0}](#{0}) | {1} |\n", kind.name, kind.meaning);
    }
    return table;
}

std::string with(std::string text, std::string_view name, std::string_view generated) {
    const std::string begin = fmt::format("<!-- generated: {} -->\n", name);
    constexpr std::string_view kEnd = "<!-- end -->";
    const std::size_t from = text.find(begin);
    const std::size_t to = from == std::string::npos ? from : text.find(kEnd, from);
    if (to == std::string::npos) {
        throw std::invalid_argument(fmt::format("no marks of the table '{}'", name));
    }
    const std::size_t at = from + begin.size();
    return text.replace(at, to - at, generated);
}

}  // namespace

std::string schema(const std::string& current) {
    constexpr int kIndent = 2;
    Json schema = Json::parse(current);
    Json& all = schema.at("$defs");
    Json strengths = Json::array();
    for (const Strength strength : kStrengths) {
        strengths.push_back(analysis::name_of(strength));
    }
    Json& evidence = all.at("evidence").at("items").at("properties");
    evidence.at("signal").at("enum") = names(analysis::every_signal());
    evidence.at("strength").at("enum") = std::move(strengths);
    all.at("cause").at("enum") = names(kCauses);
    all.at("finding").at("properties").at("finding").at("properties").at("kind").at("enum") =
        names(analysis::every_finding_kind());
    all.at("interface").at("properties").at("interface").at("properties").at("change").at("enum") =
        net::kInterfaceChangeNames;
    all.at("values").at("properties") = field_properties();
    return schema.dump(kIndent) + "\n";
}

std::string findings(const std::string& current) {
    std::string text = with(current, "kinds", kinds());
    text = with(std::move(text), "causes", causes());
    text = with(std::move(text), "signals against a reset", against());
    text = with(std::move(text), "signals for a reset", signals(is_for_reset));
    return with(std::move(text), "signals of other findings", signals(is_of_other_finding));
}

std::string metrics(const std::string& current) {
    std::string table = "| metric | type | labels | what it says |\n|---|---|---|---|\n";
    for (const flowstamp::metrics::MetricEntry& metric : flowstamp::metrics::every_metric()) {
        table += fmt::format(
            "| `{}` | {} | {} | {} |\n", metric.name,
            metric.type == flowstamp::metrics::MetricType::counter ? "counter" : "gauge",
            metric.labels, metric.help);
    }
    return with(current, "metrics", table);
}

}  // namespace flowstamp::docs
