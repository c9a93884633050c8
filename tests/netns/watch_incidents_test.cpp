// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Many connections that one rule stops are one incident.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/netns/lab_fixture.h"
#include "tests/support/json_schema.h"

namespace flowstamp::lab {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kAttempts = 200;
constexpr std::uint16_t kPort = 81;

/// client -- router -- server; the router drops the SYNs to one port of the server.
class WatchIncidents : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        make({.routers = 1});
        server_.emplace(require(lab::Server::start(lab().server(), {})));
        drop_at_router(kPort);
    }
    /// What a watch on `host` says while the client tries, until a while after `enough` was said.
    CommandOutput watched(const lab::Namespace& host, const std::vector<std::string>& interfaces,
                          const Argv& options, const std::string& enough) {
        Argv argv{built_program(), "watch"};
        for (const std::string& interface : interfaces) {
            argv.insert(argv.end(), {"-i", interface});
        }
        argv.insert(argv.end(), options.begin(), options.end());
        Child child = require(host.spawn(argv));
        if (!child.wait_for_output("watching ", 20s)) {
            throw std::runtime_error("flowstamp watch did not attach: " + child.err());
        }
        EXPECT_EQ(lab::download(lab().client(), to_server(10'000)).outcome, lab::Outcome::Complete);
        const std::vector<Fd> attempts = try_to_connect();
        EXPECT_TRUE(child.wait_for_output(enough, 30s)) << child.out();
        std::this_thread::sleep_for(2s);  // for those that come later than the first
        return child.stop(5s);
    }
    CommandOutput watched_at_client(const Argv& options, const std::string& enough) {
        return watched(lab().client(), {lab().client().toward(lab::Side::Server).name}, options,
                       enough);
    }

  private:
    std::vector<Fd> try_to_connect() {
        std::vector<Fd> attempts;
        lab().client().run_in([&] {
            const SocketAddress server(Endpoint{lab().server().address(lab::Family::V4), kPort});
            for (int i = 0; i < kAttempts; i++) {
                Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
                (void)::connect(socket.get(), server.get(), server.length);
                attempts.push_back(std::move(socket));
            }
        });
        return attempts;
    }

    std::optional<lab::Server> server_;
};

std::vector<json> events_in(const std::string& text) {
    static const auto schema =
        testing::JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    std::vector<json> events;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        events.push_back(json::parse(line));
        if (events.back()["event_type"] == "incident") {  // of the others another test sees to it
            EXPECT_THAT(schema.violations(events.back()), IsEmpty()) << line;
        }
    }
    return events;
}

std::size_t times(const std::string& text, const std::string& what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        count++;
    }
    return count;
}

TEST_F(WatchIncidents, TwoHundredUnansweredSynsAreToldOnce) {
    const std::string text = watched_at_client({}, " incident #1 ").out;
    EXPECT_EQ(times(text, "no-answer"), 1U) << text;
    EXPECT_THAT(text, AllOf(HasSubstr(" finding #1 "), Not(HasSubstr(" finding #2 ")),
                            HasSubstr(" > 203.0.113.2:81  "),
                            HasSubstr("    200 findings like finding #1, since ")));
}

TEST_F(WatchIncidents, JsonHasEachFindingUnlessSummarized) {
    for (const bool summarize : {false, true}) {
        const Argv options = summarize ? Argv{"--json", "--summarize"} : Argv{"--json"};
        std::set<std::uint64_t> findings;
        std::vector<std::uint64_t> counts;
        for (const json& event : events_in(watched_at_client(options, R"("count":)").out)) {
            if (event["event_type"] == "finding") {
                EXPECT_EQ(event["incident_id"], 1);
                findings.insert(std::uint64_t{event["finding"]["id"]});
            } else if (event["event_type"] == "incident") {
                EXPECT_EQ(event["incident_id"], 1);
                counts.push_back(event["incident"]["count"]);
            }
        }
        EXPECT_EQ(findings.size(), summarize ? 1U : 200U);
        ASSERT_FALSE(counts.empty());
        EXPECT_LE(counts.size(), 9U) << "doubled";
        EXPECT_EQ(counts.back(), 200U);
    }
}

TEST_F(WatchIncidents, TheRuleThatDropsThemIsOne) {
    const lab::Namespace& router = lab().router(1);
    const CommandOutput output = watched(
        router, {router.toward(lab::Side::Client).name, router.toward(lab::Side::Server).name},
        {"--path", "--json", "--summarize"}, R"("kind":"local-drop","state":"open","finding":)");
    const auto events = events_in(output.out);
    std::size_t findings = 0;
    json last;
    for (const json& event : events) {
        const bool is_finding = event["event_type"] == "finding";
        findings += is_finding && event["finding"]["kind"] == "local-drop" ? 1U : 0U;
        if (event["event_type"] == "incident" && event["incident"]["kind"] == "local-drop") {
            last = event["incident"];
        }
    }
    EXPECT_EQ(findings, 1U);
    EXPECT_EQ(last["count"], 200) << last.dump(2);
    EXPECT_EQ(last["place"], "forward");
    EXPECT_THAT(std::string(last["rule"]), HasSubstr("chain FORWARD, rule 1"));
}

}  // namespace
}  // namespace flowstamp::lab
