// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The catalogue of signals in docs/findings.md, and the schema's list, against the code: each name that
// a detector gives its evidence stands in both.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "user/analysis/reset/evidence.h"

namespace flowstamp {
namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

const std::filesystem::path kTop = FLOWSTAMP_SOURCE_DIR;

/// Every name between ".signal =" and ".strength" in the detectors' sources, and the kernel's.
std::set<std::string> emitted() {
    static const std::regex item(R"(\.signal =([^;]*?)\.strength)");
    static const std::regex name(R"re("([a-z-]+)")re");
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kTop / "user/detect")) {
        if (entry.path().extension() != ".cpp") {
            continue;
        }
        const std::string text = read_file(entry.path());
        for (std::sregex_iterator it(text.begin(), text.end(), item), end; it != end; ++it) {
            const std::string value = (*it)[1];
            for (std::sregex_iterator word(value.begin(), value.end(), name); word != end; ++word) {
                names.insert((*word)[1]);
            }
        }
    }
    for (int number = 0; number < 64; number++) {
        const std::string_view known = analysis::signal_name(static_cast<fst_signal>(number));
        if (known != "unknown") {
            names.emplace(known);
        }
    }
    return names;
}

TEST(SignalCatalogue, FindsTheNamesInTheSources) {
    const std::set<std::string> names = emitted();
    EXPECT_GE(names.size(), 55U);
    for (const char* known : {"nearer", "other-distance", "aged-window", "stateless-shape", "twice",
                              "life-lasts", "vouch-id"}) {
        EXPECT_TRUE(names.contains(known)) << known;
    }
}

TEST(SignalCatalogue, HoldsEverySignal) {
    const std::string findings = read_file(kTop / "docs/findings.md");
    const std::string catalogue = findings.substr(findings.find("## The catalogue of signals"));
    for (const std::string& name : emitted()) {
        EXPECT_NE(catalogue.find("`" + name + "`"), std::string::npos) << name;
    }
}

TEST(SignalCatalogue, HoldsNothingElse) {
    const std::string findings = read_file(kTop / "docs/findings.md");
    const std::string catalogue = findings.substr(findings.find("## The catalogue of signals"));
    // The signals' column: the second or third of a row, names in code quotes.
    static const std::regex cell(R"(\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|)");
    static const std::regex name(R"(`([a-z-]+)`)");
    const std::set<std::string> known = emitted();
    for (std::sregex_iterator it(catalogue.begin(), catalogue.end(), cell), end; it != end; ++it) {
        const std::string value = (*it)[1];
        for (std::sregex_iterator word(value.begin(), value.end(), name); word != end; ++word) {
            EXPECT_TRUE(known.contains((*word)[1])) << (*word)[1];
        }
    }
}

TEST(SignalCatalogue, AgreesOnStrengths) {
    const std::string findings = read_file(kTop / "docs/findings.md");
    for (int number = 0; number < 64; number++) {
        const auto signal = static_cast<fst_signal>(number);
        if (analysis::signal_name(signal) == "unknown") {
            continue;
        }
        const std::string row = "(^|\n)\\| " + std::string(analysis::name_of(analysis::strength_of(signal))) +
                                " \\|( [a-z]+ \\|)? `" + std::string(analysis::signal_name(signal)) + "` \\|";
        EXPECT_TRUE(std::regex_search(findings, std::regex(row))) << row;
    }
}

TEST(SignalCatalogue, IsTheSchemasToo) {
    const auto schema = nlohmann::json::parse(read_file(kTop / "docs/events.schema.json"));
    const auto listed = schema["$defs"]["evidence"]["items"]["properties"]["signal"]["enum"]
                            .get<std::set<std::string>>();
    EXPECT_EQ(listed, emitted());
}

}  // namespace
}  // namespace flowstamp
