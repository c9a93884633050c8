// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/values_json.h"

#include <chrono>
#include <string>

#include "user/net/names.h"

namespace flowstamp::output {

namespace {

using Json = nlohmann::ordered_json;

/// JSON of each kind of value.
struct ToJson {
    analysis::FieldType type;

    Json operator()(std::uint64_t number) const { return number; }
    Json operator()(const std::vector<std::uint64_t>& ttls) const { return ttls; }
    Json operator()(Nanoseconds length) const {
        return std::chrono::duration_cast<std::chrono::microseconds>(length).count();
    }
    Json operator()(const net::Endpoint& endpoint) const {
        return type == analysis::FieldType::address ? endpoint.ip_text() : endpoint.text();
    }
    Json operator()(const analysis::Mac& mac) const { return net::mac_text(mac); }
    Json operator()(const std::string& word) const { return word; }
    Json operator()(bool is_set) const { return is_set; }
    Json operator()(const analysis::IcmpError& error) const {
        return {{"type", error.type}, {"code", error.code}};
    }
};

}  // namespace

Json json_of(const analysis::Values& values) {
    Json json = Json::object();
    for (const auto& [field, value] : values) {
        const analysis::FieldEntry& entry = analysis::entry_of(field);
        json[std::string(entry.json_name)] = std::visit(ToJson{entry.type}, value);
    }
    return json;
}

}  // namespace flowstamp::output
