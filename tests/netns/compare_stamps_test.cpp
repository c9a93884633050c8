// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `compare` of what two watches recorded, one as pcapng and one as JSON lines, by the program itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/netns/watch_fixture.h"
#include "user/base/process.h"
#include "user/lab/exchange.h"
#include "user/lab/injector.h"

namespace flowstamp::lab {
namespace {

using nlohmann::json;

class CompareStamps : public WatchTest {
  protected:
    ~CompareStamps() override { std::filesystem::remove_all(folder_); }
    std::string path(const std::string& name) const { return folder_ + "/" + name; }

    static cmd::WatchOptions stamps_to(const std::string& file, const std::string& interface) {
        cmd::WatchOptions options;
        options.stamps = file;
        options.interfaces = {interface};
        return options;
    }

    std::string folder_ = [] {
        std::string path = "/tmp/flowstamp-compare-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
};

TEST_F(CompareStamps, OfTwoWatchesProveAForgedReset) {
    LiveWatch at_client(lab().client(),
                        stamps_to(path("client.pcapng"), lab().client().toward(Side::Server).name));
    LiveWatch at_server(lab().server(),
                        stamps_to(path("server.jsonl"), lab().server().toward(Side::Client).name));
    {
        const Server server = require(Server::start(lab().server(), {.pace = {20'000, 5ms}}));
        const Server echo =
            require(Server::start(lab().server(), {.port = 81, .service = Service::Echo}));
        const Injector injector = require(Injector::start(
            lab().router(2), {.trigger = {.after_server_bytes = 100'000, .port = 80},
                              .forgery = as_stateless_reset()}));
        EXPECT_EQ(download(lab().client(), to_server(400'000)).outcome, Outcome::Reset);
        const Endpoint beside{lab().server().address(Family::V4), 81};
        EXPECT_EQ(exchange(lab().client(), {.server = beside, .rounds = 150}).outcome,
                  Outcome::Complete);
    }
    (void)at_client.stop();
    (void)at_server.stop();

    const auto output = run_command({built_program(), "compare", "--json", "--fail-on",
                                     "forged-rst", path("client.pcapng"), path("server.jsonl")});
    ASSERT_TRUE(output) << output.error().message();
    EXPECT_EQ(output->status, 3) << output->err;
    std::istringstream lines(output->out);
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    const json first = json::parse(line);
    EXPECT_EQ(first["event_type"], "compare");
    EXPECT_EQ(first["compare"]["flows"]["joined"], 2);
    EXPECT_EQ(first["compare"]["b_to_a"]["hops"], 3);
    ASSERT_TRUE(std::getline(lines, line));
    const json finding = json::parse(line);
    EXPECT_EQ(finding["finding"]["kind"], "forged-rst");
    EXPECT_EQ(finding["finding"]["verdict"], "proven");
    EXPECT_EQ(finding["finding"]["direction"], "b-to-a");
    EXPECT_EQ(finding["pcap_filename"], path("client.pcapng"));
    EXPECT_FALSE(std::getline(lines, line)) << line;
}

}  // namespace
}  // namespace flowstamp::lab
