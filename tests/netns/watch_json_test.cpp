// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The output of `flowstamp watch --json` for a live forged reset: each line matches the schema.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "tests/netns/lab_fixture.h"
#include "tests/support/json_schema.h"
#include "user/lab/injector.h"

namespace flowstamp::lab {
namespace {

using flowstamp::testing::JsonSchema;
using nlohmann::json;

class WatchJson : public LabFamilyTest {
  protected:
    /// The lines of a watch with `options` during a download in which three resets are forged.
    std::vector<json> json_lines(const Argv& options) {
        Argv argv{built_program(), "watch", "-i", lab().client().toward(lab::Side::Server).name,
                  "--json",        "-v"};
        argv.insert(argv.end(), options.begin(), options.end());
        Child child = require(lab().client().spawn(argv));
        if (!child.wait_for_output("watching ", 20s)) {
            throw std::runtime_error("flowstamp watch did not attach: " + child.err());
        }
        const lab::Server server = require(lab::Server::start(
            lab().server(),
            {.family = GetParam(), .pace = {.chunk_bytes = 16'384, .pause = 20ms}}));
        const lab::Injector injector = require(lab::Injector::start(
            lab().router(2), {.trigger = {.after_server_bytes = 100'000, .times = 3},
                              .forgery = {.window = lab::Window::constant(1000)}}));
        lab::download(lab().client(), to_server(400'000));
        const CommandOutput output = child.stop(5s);
        EXPECT_EQ(output.status, 0) << output.err;
        std::istringstream lines(output.out);
        std::vector<json> events;
        for (std::string line; std::getline(lines, line);) {
            events.push_back(json::parse(line));
        }
        return events;
    }
};

TEST_P(WatchJson, MatchesTheSchema) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    for (const Argv& options : {Argv{}, Argv{"--drop", "confirmed"}, Argv{"--challenge", "all"}}) {
        std::map<std::string, unsigned> count;
        for (const json& event : json_lines(options)) {
            const auto violations = schema.violations(event);
            EXPECT_TRUE(violations.empty()) << violations.front() << "\n" << event.dump(2);
            ++count[event.at("event_type")];
        }
        EXPECT_GE(count["reset"], 1U);
        EXPECT_GE(count["finding"], 1U);
        EXPECT_EQ(count["flow"], 1U);
        EXPECT_GE(count["stats"], 1U);
    }
}

INSTANTIATE_TEST_SUITE_P(Families, WatchJson, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
