// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What our events share with Suricata's EVE has EVE's types: readers of EVE take it as it is. Suricata's
// schema (etc/schema.json of its sources; no release and no package of Debian has it) is not copied here: the
// table below is what it says of the members that both have. With -DFLOWSTAMP_EVE_SCHEMA=FILE,
// EveSchema.TheTableIsThatOfThePublishedSchema compares the table, and our schema, with the file itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace flowstamp {
namespace {

using Json = nlohmann::json;
/// By the place in an event: "/flow/state".
using Types = std::map<std::string, std::string>;

/// Suricata 8 and the branch of 9.
const Types kEve = {
    {"/timestamp", "string"},    {"/flow_id", "integer"},   {"/in_iface", "string"},
    {"/event_type", "string"},   {"/src_ip", "string"},     {"/src_port", "integer"},
    {"/dest_ip", "string"},      {"/dest_port", "integer"}, {"/proto", "string"},
    {"/community_id", "string"}, {"/pcap_cnt", "integer"},  {"/pcap_filename", "string"},
    {"/flow", "object"},         {"/flow/state", "string"}, {"/flow/reason", "string"},
    {"/flow/start", "string"},   {"/flow/end", "string"},   {"/stats", "object"},
    {"/packet", "string"},
};
/// EVE's `packet` is the packet's bytes in base64; ours is an object.
const std::set<std::string> kOtherwise = {"/packet"};

/// With the `$ref` at its top replaced by what it names.
const Json& resolved(const Json& schema, const Json& root) {
    return schema.contains("$ref")
               ? root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)))
               : schema;
}

/// The types that our schema gives to members that `eve` has, too.
void collect(const Json& schema, const Json& root, const Types& eve, const std::string& place,
             std::map<std::string, std::set<std::string>>& found) {
    const Json& its = resolved(schema, root);
    const Json choices = its.value("oneOf", Json::array());
    const Json members = its.value("properties", Json::object());
    for (const Json& one : choices) {
        collect(one, root, eve, place, found);
    }
    if (eve.contains(place) && its.contains("type")) {
        found[place].insert(its["type"].get<std::string>());
    }
    for (const auto& [name, member] : members.items()) {
        if (place.empty() || eve.contains(place)) {
            collect(member, root, eve, place + "/" + name, found);
        }
    }
}

std::map<std::string, std::set<std::string>> ours(const Types& eve) {
    const Json schema = Json::parse(std::ifstream(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json"));
    std::map<std::string, std::set<std::string>> found;
    collect(schema, schema, eve, "", found);
    return found;
}

void expect_same_types(const Types& eve) {
    for (const auto& [place, types] : ours(eve)) {
        if (kOtherwise.contains(place)) {
            EXPECT_FALSE(types.contains(eve.at(place))) << place << " is no exception any more";
        } else {
            EXPECT_THAT(types, ::testing::ElementsAre(eve.at(place))) << place;
        }
    }
}

TEST(EveSchema, WhatBothHaveIsOfOneType) {
    expect_same_types(kEve);
    EXPECT_EQ(ours(kEve).size(), kEve.size()) << "the table has members that no event has";
}

#ifdef FLOWSTAMP_EVE_SCHEMA
/// Every member of the published schema, with its type, two levels deep.
Types published() {
    const Json schema = Json::parse(std::ifstream(FLOWSTAMP_EVE_SCHEMA));
    Types types;
    for (const auto& [name, member] : schema.at("properties").items()) {
        const Json& its = resolved(member, schema);
        types["/" + name] = its.value("type", "");
        const Json members = its.value("properties", Json::object());
        for (const auto& [inner, value] : members.items()) {
            types["/" + name + "/" + inner] = resolved(value, schema).value("type", "");
        }
    }
    return types;
}

TEST(EveSchema, TheTableIsThatOfThePublishedSchema) {
    const Types all = published();
    for (const auto& [place, type] : kEve) {
        ASSERT_TRUE(all.contains(place)) << place;
        EXPECT_EQ(all.at(place), type) << place;
    }
    expect_same_types(all);
    EXPECT_EQ(ours(all).size(), kEve.size()) << "the table lacks members that both have";
}
#endif

}  // namespace
}  // namespace flowstamp
