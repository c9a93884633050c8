// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The generated parts of docs/ agree with the lists in the sources.
#include "tests/docs/generated.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace flowstamp {
namespace {

constexpr const char* kRemedy = "run build/tests/docs/flowstamp_docs";

std::string read_doc(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(FLOWSTAMP_SOURCE_DIR "/docs/" + name).rdbuf();
    return text.str();
}

TEST(GeneratedDocs, TheSchemaIsUpToDate) {
    const std::string schema = read_doc("events.schema.json");
    EXPECT_TRUE(docs::schema(schema) == schema) << kRemedy;
}

TEST(GeneratedDocs, TheTablesAreUpToDate) {
    const std::string findings = read_doc("findings.md");
    EXPECT_EQ(docs::findings(findings), findings) << kRemedy;
    const std::string metrics = read_doc("metrics.md");
    EXPECT_EQ(docs::metrics(metrics), metrics) << kRemedy;
}

TEST(GeneratedDocs, AnEditIsOverwritten) {
    const std::string schema = read_doc("events.schema.json");
    auto changed = nlohmann::ordered_json::parse(schema);
    changed["$defs"]["evidence"]["items"]["properties"]["signal"]["enum"].push_back("surprise");
    changed["$defs"]["values"]["properties"].erase("ttl");
    EXPECT_EQ(docs::schema(changed.dump()), schema);
    const std::string findings = read_doc("findings.md");
    std::string edited = findings;
    edited.insert(edited.find("| `liveness-ack`"), "x");
    EXPECT_NE(edited, findings);
    EXPECT_EQ(docs::findings(edited), findings);
}

TEST(GeneratedDocs, MissingMarksAreAnError) {
    EXPECT_THROW((void)docs::findings("# nothing"), std::invalid_argument);
    EXPECT_THROW((void)docs::schema("{}"), nlohmann::json::exception);
}

}  // namespace
}  // namespace flowstamp
