// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/topology.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/netns/lab_fixture.h"
#include "user/lab/capture.h"

namespace flowstamp::lab {
namespace {

/// The network namespaces with that name prefix.
std::vector<std::string> namespaces(const std::string& prefix) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/run/netns", none)) {
        if (entry.path().filename().string().starts_with(prefix)) {
            names.push_back(entry.path().filename());
        }
    }
    return names;
}

/// Whether the process exists and is no zombie (orphans may be reaped late).
bool runs(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("State:")) {
            return line.find('Z') == std::string::npos && line.find('X') == std::string::npos;
        }
    }
    return false;
}

bool is_data_from_server(lab::Side from, const lab::Segment& segment) {
    return from == lab::Side::Server && segment.payload_bytes != 0;
}

class LabTopology : public LabTest {};
class LabTopologyFamily : public LabFamilyTest {};

TEST_P(LabTopologyFamily, EveryRouterIsAHop) {
    lab();
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    const lab::Capture at_router = require(lab::Capture::start(lab().router(3)));
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Complete);
    const auto here = at_client.wait_for(is_data_from_server, 1, 1s);
    const auto there = at_router.wait_for(is_data_from_server, 1, 1s);
    ASSERT_FALSE(here.empty() || there.empty());
    EXPECT_EQ(lab::parse_segment(here[0].frame)->ttl, 61);
    EXPECT_EQ(lab::parse_segment(there[0].frame)->ttl, 64);
    EXPECT_EQ(lab::parse_segment(here[0].frame)->source.address,
              lab().server().address(GetParam()));
}

TEST_P(LabTopologyFamily, FirstPacketsNeedNoNeighbourDiscovery) {
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    const lab::DownloadReport report = lab::download(lab().client(), to_server(10));
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    EXPECT_LT(report.connected_after, 900ms) << "a lost SYN comes again after a second";
}

TEST_P(LabTopologyFamily, MasqueradingRouterReplacesTheClientsAddress) {
    make({.masquerade_at = 2});
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Complete);
    const auto reports = server.reports(1, 1s);
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].client.address,
              lab().router(2).toward(lab::Side::Server).address(GetParam()));
}

TEST_P(LabTopologyFamily, DefaultTtlOfTheServer) {
    make({.server_default_ttl = 128});
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    lab::DownloadOptions options = to_server(10);
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Refused);
    const auto resets = at_client.wait_for(
        [](lab::Side, const lab::Segment& segment) { return segment.has(Rst); }, 1, 1s);
    ASSERT_EQ(resets.size(), 1u);
    EXPECT_EQ(lab::parse_segment(resets[0].frame)->ttl, 125);
}

TEST_P(LabTopologyFamily, WithoutOffloadsEveryFrameFitsTheLink) {
    make({.mtu = 1400, .offloads = false});
    const lab::Capture at_router = require(lab::Capture::start(lab().router(2)));
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    EXPECT_EQ(lab::download(lab().client(), to_server(200'000)).outcome, lab::Outcome::Complete);
    const auto data = at_router.wait_for(is_data_from_server, 140, 1s);
    EXPECT_GE(data.size(), 140u);
    for (const lab::CapturedFrame& frame : data) {
        EXPECT_LE(lab::parse_segment(frame.frame)->payload_bytes, 1400u - 40u);
    }
}

INSTANTIATE_TEST_SUITE_P(Families, LabTopologyFamily, both_families(), family_name);

TEST_F(LabTopology, HasTheRequestedRouters) {
    for (const unsigned routers : {1u, 2u, 6u}) {
        make({.routers = routers});
        EXPECT_EQ(lab().routers(), routers);
        EXPECT_EQ(lab().hosts().size(), routers + 2);
        const lab::Server server = require(lab::Server::start(lab().server(), {}));
        EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Complete)
            << routers;
    }
}

TEST_F(LabTopology, SeveralCoexist) {
    lab();
    const lab::Lab other = require(lab::Lab::create({}));
    const lab::Server here = require(lab::Server::start(lab().server(), {.seed = 1}));
    const lab::Server there = require(lab::Server::start(other.server(), {.seed = 2}));
    EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Complete);
    EXPECT_EQ(lab::download(other.client(), to_server(1000)).outcome, lab::Outcome::Corrupted)
        << "the other lab's server streams another pattern";
}

TEST_F(LabTopology, RefusesInvalidOptions) {
    EXPECT_FALSE(lab::Lab::create({.routers = 0}));
    EXPECT_FALSE(lab::Lab::create({.masquerade_at = 4}));
    EXPECT_FALSE(lab::Lab::create({.mtu = 576}));
}

TEST_F(LabTopology, CommandsRunInside) {
    const auto output = require(lab().router(2).exec({"ip", "-o", "link"}));
    EXPECT_EQ(output.status, 0);
    EXPECT_NE(output.out.find("to-router1"), std::string::npos);
    EXPECT_NE(output.out.find("to-router3"), std::string::npos);
    EXPECT_EQ(require(lab().client().exec({"sh", "-c", "exit 7"})).status, 7);
    EXPECT_FALSE(lab().client().exec({"no-such-program"}));
    EXPECT_FALSE(lab().client().exec({"sleep", "5"}, {}, 50ms)) << "a time-out is an error";
    // No shell: dash may lose a SIGINT that arrives between its own output and its last command.
    Child child = require(lab().client().spawn({"tail", "-n", "+1", "-f", "/etc/passwd"}));
    EXPECT_TRUE(child.wait_for_output("root:", 2s));
    EXPECT_FALSE(child.wait(0ms));
    EXPECT_EQ(child.stop().status, 128 + SIGINT);
}

TEST_F(LabTopology, NothingIsLeftBehind) {
    const std::string prefix = lab().prefix();
    EXPECT_EQ(namespaces(prefix).size(), 5u);
    pid_t left_running = -1;
    {
        Child child = require(
            lab().client().spawn({"sh", "-c", "setsid sh -c 'echo $$; exec sleep 60' & wait"}));
        ASSERT_TRUE(child.wait_for_output("\n", 2s));
        left_running = std::stoi(child.out());
    }
    ASSERT_TRUE(runs(left_running)) << "in a session of its own it outlives the child";
    lab_.reset();
    EXPECT_TRUE(namespaces(prefix).empty());
    EXPECT_FALSE(runs(left_running));
}

TEST_F(LabTopology, NothingIsLeftBehindAfterKill9) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t driver = fork();
    if (driver == 0) {
        const Result<lab::Lab> lab = lab::Lab::create({});
        const std::string prefix = lab ? lab->prefix() : "";
        [[maybe_unused]] const ssize_t written = write(ends[1], prefix.data(), prefix.size());
        ::pause();
        _exit(0);
    }
    char prefix[64] = {};
    const ssize_t got = read(ends[0], prefix, sizeof(prefix) - 1);
    EXPECT_GT(got, 0);
    EXPECT_EQ(namespaces(prefix).size(), 5u);
    kill(driver, SIGKILL);
    waitpid(driver, nullptr, 0);
    for (int i = 0; i < 500 && !namespaces(prefix).empty(); ++i) {
        std::this_thread::sleep_for(10ms);
    }
    EXPECT_TRUE(namespaces(prefix).empty());
    close(ends[0]);
    close(ends[1]);
}

TEST_F(LabTopology, RemovesStaleNamespaces) {
    // Process 1 is alive, but did not start then; the other number is greater than any pid. Both
    // contain this process's own, as another test may run at the same time.
    const std::string restarted = "flowstamp-1-" + std::to_string(99'000'000'000 + getpid()) + "-";
    const std::string dead = "flowstamp-" + std::to_string(1'900'000'000 + getpid()) + "-5-";
    const std::string foreign = "flowstamp-lab-test-" + std::to_string(getpid());
    const std::string living = lab().prefix();
    for (const std::string& name : {restarted + "1-client", dead + "1-client", foreign}) {
        ASSERT_TRUE(require_command({"ip", "netns", "add", name}));
    }
    const lab::Lab second = require(lab::Lab::create({}));
    for (int i = 0; i < 500 && !(namespaces(restarted).empty() && namespaces(dead).empty()); ++i) {
        std::this_thread::sleep_for(10ms);  // another lab may be the one that removes them
    }
    EXPECT_TRUE(namespaces(restarted).empty());
    EXPECT_TRUE(namespaces(dead).empty());
    EXPECT_EQ(namespaces(living).size(), 5u);
    EXPECT_EQ(namespaces(foreign).size(), 1u);
    EXPECT_TRUE(require_command({"ip", "netns", "del", foreign}));
}

}  // namespace
}  // namespace flowstamp::lab
