// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// From the evidence of a confirmed finding alone a replay finds the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/captures/labels.h"
#include "tests/support/evidence_of.h"

namespace flowstamp::testing {
namespace {

namespace fs = std::filesystem;

/// What rests on more than one connection: the file has but one.
const std::set<std::string> kOfSeveralConnections = {"nat-escape", "return-path-mismatch",
                                                     "syn-flood", "syn-unanswered"};

struct Told {
    std::string kind;
    std::string about;  ///< kind, ends and packet
};

/// The confirmed findings, as last told, by their ids.
std::map<std::uint64_t, Told> confirmed(const Replayed& replayed) {
    std::map<std::uint64_t, Told> all;
    for (const output::Json& event : replayed.of("finding")) {
        const output::Json& finding = event["finding"];
        const std::uint64_t id = finding["id"];
        all.erase(id);
        if (finding["verdict"] == "confirmed") {
            const std::string kind = finding["kind"];
            all[id] = {kind, kind + event["src_ip"].dump() + event["src_port"].dump() +
                                 event["dest_ip"].dump() + event["dest_port"].dump() +
                                 event["packet"].dump()};
        }
    }
    return all;
}

std::uint64_t id_of(const std::string& name) {
    return std::stoull(name.substr(name.rfind('-') + 1));
}

TEST(CapturedEvidence, ConvincesAgain) {
    const auto captures = captures_folder();
    if (!captures) {
        GTEST_SKIP() << "no captures: set FLOWSTAMP_CAPTURES to their folder";
    }
    std::string parent = "/tmp/flowstamp-evidence-XXXXXX";
    parent = ::mkdtemp(parent.data());
    unsigned files = 0;
    for (const std::string& capture : list_captures(*captures)) {
        auto source = net::open_file(*captures + capture);
        ASSERT_TRUE(source) << capture;
        const std::string folder = parent + "/evidence";
        const Recorded recorded = record_evidence(std::move(*source), folder);
        const auto findings = confirmed(recorded.replayed);
        for (const auto& file : fs::directory_iterator(folder)) {
            files++;
            const auto told = findings.find(id_of(file.path().stem()));
            if (told == findings.end() || kOfSeveralConnections.contains(told->second.kind)) {
                continue;
            }
            const auto again = confirmed(replay_evidence(file.path()));
            EXPECT_TRUE(std::ranges::any_of(
                again, [&](const auto& one) { return one.second.about == told->second.about; }))
                << capture << ": " << file.path();
        }
        fs::remove_all(folder);
    }
    EXPECT_GE(files, 10U);
    fs::remove_all(parent);
}

}  // namespace
}  // namespace flowstamp::testing
