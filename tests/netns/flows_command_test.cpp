// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `flowstamp flows` beside watches in two network namespaces.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/netns/lab_fixture.h"
#include "user/kernel/maps/pinned_table.h"

namespace flowstamp::lab {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// client -- router -- server; client and server watch, three connections were made.
class FlowsCommand : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        make({.routers = 1});
        client_.emplace(watch(lab().client(), lab::Side::Server));
        server_.emplace(watch(lab().server(), lab::Side::Client));
        const lab::Server server = require(lab::Server::start(lab().server(), {}));
        for (const std::uint64_t bytes : {10'000U, 300'000U, 20'000U}) {
            ASSERT_EQ(lab::download(lab().client(), to_server(bytes)).outcome,
                      lab::Outcome::Complete);
        }
    }
    static Child watch(const lab::Namespace& host, lab::Side side) {
        Child child = require(host.spawn({built_program(), "watch", "-i", host.toward(side).name}));
        if (!child.wait_for_output("watching ", 20s)) {
            throw std::runtime_error("flowstamp watch did not attach: " + child.err());
        }
        return child;
    }
    CommandOutput flows(const Argv& options) {
        Argv argv{built_program(), "flows"};
        argv.insert(argv.end(), options.begin(), options.end());
        return require(lab().client().exec(argv));
    }
    static std::vector<std::string> lines(const std::string& text) {
        std::vector<std::string> all;
        std::istringstream stream(text);
        for (std::string line; std::getline(stream, line);) {
            all.push_back(line);
        }
        return all;
    }
    [[nodiscard]] std::string server_end() {
        return lab().server().address(lab::Family::V4).text() + ":80";
    }

    std::optional<Child> client_;
    std::optional<Child> server_;
};

TEST_F(FlowsCommand, AFlowIsALineTheGreatestFirst) {
    const CommandOutput output = flows({});
    EXPECT_EQ(output.status, 0);
    EXPECT_EQ(output.err, "");
    const auto rows = lines(output.out);
    ASSERT_THAT(rows, SizeIs(4)) << output.out;
    EXPECT_EQ(rows[0], "STATE     AGE BYTES PKTS   RTT RST FLOW");
    for (std::size_t i = 1; i < rows.size(); i++) {
        EXPECT_LE(rows[i].size(), 80U);
        EXPECT_THAT(rows[i], AllOf(StartsWith("clos"), EndsWith(" > " + server_end())));
    }
    EXPECT_EQ(rows[1].substr(13, 3), "  3") << "300 kB and headers";
    EXPECT_EQ(rows[2].substr(13, 4), "   2") << "20 kB";
}

TEST_F(FlowsCommand, WhatIsCutIsSaid) {
    const CommandOutput output = flows({"-n", "2", "--sort", "packets"});
    EXPECT_THAT(lines(output.out), SizeIs(3));
    EXPECT_EQ(output.err, "flowstamp: 2 of 3 flows; -n 0 shows all\n");
    EXPECT_THAT(lines(flows({"-n", "0"}).out), SizeIs(4));
    EXPECT_THAT(lines(flows({"--json"}).out), SizeIs(3));
    EXPECT_THAT(lines(flows({"--json", "-n", "1"}).out), SizeIs(1));
}

TEST_F(FlowsCommand, AFilterChooses) {
    const auto json = nlohmann::json::parse(flows({"--json", "-n", "1"}).out);
    const int port = json["src_port"];
    EXPECT_THAT(lines(flows({fmt::format("port {}", port)}).out), SizeIs(2));
    const CommandOutput none = flows({"port", "81"});
    EXPECT_EQ(none.status, 0);
    EXPECT_EQ(none.out, "");
    EXPECT_EQ(none.err, "flowstamp: no flow matches\n");
    EXPECT_EQ(flows({"port", "many"}).status, 2);
}

TEST_F(FlowsCommand, ShowsStampsAndBothDirectionsOnRequest) {
    EXPECT_THAT(flows({"--stamps"}).out,
                AllOf(HasSubstr(" ago  ttl "), HasSubstr("last packet "), Not(HasSubstr("STATE"))));
    EXPECT_THAT(flows({"--wide"}).out,
                HasSubstr(lab().client().toward(lab::Side::Server).name + "  >: "));
}

TEST_F(FlowsCommand, OfItsOwnNetworkNamespaceUnlessOthersAreAskedFor) {
    const std::string other = std::to_string(server_->pid());
    EXPECT_THAT(lines(flows({"--json"}).out), SizeIs(3));
    EXPECT_THAT(lines(flows({"--pid", other}).out), SizeIs(4));
    const CommandOutput all = flows({"--all-netns"});
    EXPECT_GE(lines(all.out).size(), 7U);
    EXPECT_THAT(all.err, AllOf(HasSubstr("there are "), HasSubstr("process " + other),
                               HasSubstr("choose one with --pid")));
    server_->stop();
    const CommandOutput none = flows({"--pid", other});
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.err, HasSubstr("process " + other + ": list the flows: it is no running"));
}

/// A record as another version writes it.
TEST_F(FlowsCommand, AnotherVersionsWatchIsLeftOutInALine) {
    const auto running = require(kernel::find_running_watches());
    for (const kernel::RunningWatch& watch : running.watches) {
        if (watch.name.pid == client_->pid()) {
            kernel::RunRecord record = watch.record;
            record.version++;
            std::ofstream(watch.name.record_path()) << record.to_text();
        }
    }
    const CommandOutput output = flows({});
    EXPECT_EQ(output.status, 1);
    EXPECT_EQ(output.err, fmt::format("flowstamp: watch of process {}: open its flow table: it is "
                                      "another version of flowstamp; its flows are left out\n",
                                      client_->pid()));
    EXPECT_GE(lines(flows({"--all-netns"}).out).size(), 4U) << "those of the server's are shown";
}

}  // namespace
}  // namespace flowstamp::lab
