// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `flowstamp watch --metrics`, read as Prometheus reads it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/netns/lab_fixture.h"
#include "user/base/fd.h"
#include "user/metrics/server.h"

namespace flowstamp::lab {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kPlace = "127.0.0.1:9464";

bool happens(const std::function<bool()>& event, std::chrono::milliseconds within = 20s) {
    const auto end = SteadyClock::now() + within;
    while (!event()) {
        if (SteadyClock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(50ms);
    }
    return true;
}

/// By name and labels, as in the text: `flowstamp_lost_total{place="output"}`.
using Values = std::map<std::string, double>;

Values values_of(const std::string& text) {
    Values values;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t space = line.rfind(' ');
        if (!line.starts_with('#') && space != std::string::npos) {
            values[line.substr(0, space)] = std::strtod(line.c_str() + space, nullptr);
        }
    }
    return values;
}

class WatchMetrics : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        if (!metrics::Server::is_built_in()) {
            GTEST_SKIP() << "built without prometheus-cpp";
        }
    }

    const std::string& interface() { return lab().client().toward(Side::Server).name; }

    Child watching(const Argv& options) {
        Argv argv{built_program(), "watch", "-i", interface()};
        argv.insert(argv.end(), options.begin(), options.end());
        Child child = require(lab().client().spawn(argv));
        EXPECT_TRUE(child.wait_for_output("watching " + interface(), 20s)) << child.err();
        return child;
    }
    /// The page; empty if nobody answers.
    std::string scrape(std::string_view place = kPlace) {
        return require(lab().client().exec({"curl", "--silent", "--max-time", "5",
                                            fmt::format("http://{}/metrics", place)}))
            .out;
    }
    /// That many connections, which the server refuses by a reset each.
    void open_refused(int connections) {
        const Endpoint to{lab().server().address(Family::V4), 81};
        lab().client().run_in([&] {
            for (int i = 0; i < connections; i++) {
                (void)connect_to(to);
            }
        });
    }

  private:
    static void connect_to(const Endpoint& to) {
        const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const SocketAddress address(to);
        (void)::connect(socket.get(), address.get(), address.length);  // refused
    }
};

TEST_F(WatchMetrics, AreReadDuringAFlood) {
    constexpr int kConnections = 20'000;
    const Child child = watching({"--metrics", std::string(kPlace)});
    ASSERT_TRUE(happens([&] { return scrape().contains("flowstamp_packets_total"); }));
    std::jthread flood([&] { open_refused(kConnections); });
    Values before;
    std::size_t growing = 0;
    std::string text;
    const auto all_are_seen = [&] {
        text = scrape();
        const Values now = values_of(text);
        growing += now.at("flowstamp_packets_total") > before["flowstamp_packets_total"];
        for (const auto& [name, value] : before) {
            if (name.contains("_total")) {
                EXPECT_GE(now.contains(name) ? now.at(name) : value, value)
                    << name << " has fallen";
            }
        }
        before = now;
        return now.at("flowstamp_resets_seen_total") >= kConnections;
    };
    EXPECT_TRUE(happens(all_are_seen, 60s));
    flood.join();
    EXPECT_GE(growing, 1U);
    const auto all_are_judged = [&] {
        const Values now = values_of(text = scrape());
        return now.at("flowstamp_resets_total{verdict=\"genuine\",cause=\"closed-port\"}") +
                   now.at("flowstamp_lost_total{place=\"event_ring\"}") >=
               kConnections;
    };
    EXPECT_TRUE(happens(all_are_judged)) << text;
    EXPECT_TRUE(happens([&] {
        return values_of(text = scrape()).at("flowstamp_table_flows{state=\"reset\"}") > 0;
    })) << text;
    const Values now = values_of(text);
    EXPECT_EQ(now.at("flowstamp_interfaces"), 1);
    EXPECT_GT(now.at("flowstamp_flows_total"), kConnections / 10) << "ports are used again";
    EXPECT_GT(now.at("flowstamp_findings_total{kind=\"syn-refused\"}"), 0);
    EXPECT_GT(now.at("flowstamp_event_ring_used_bytes"), 0);
    EXPECT_LE(now.at("flowstamp_event_ring_used_bytes"), now.at("flowstamp_event_ring_bytes"));
    EXPECT_GT(now.at("flowstamp_table_slots"), 0);
    EXPECT_FALSE(std::regex_search(text, std::regex(R"(\d+\.\d+\.\d+\.\d+|[0-9a-f]+:[0-9a-f]*:)")))
        << "an address:\n"
        << text;
}

TEST_F(WatchMetrics, PromtoolFindsNothingWrongWithThem) {
    if (std::string_view(FLOWSTAMP_PROMTOOL).empty()) {
        GTEST_SKIP() << "no promtool";
    }
    const Child child = watching({"--metrics", std::string(kPlace)});
    ASSERT_TRUE(happens([&] { return scrape().contains("flowstamp_packets_total"); }));
    const CommandOutput checked = require(
        lab().client().exec({"sh", "-c",
                             fmt::format("curl --silent http://{}/metrics | {} check metrics",
                                         kPlace, FLOWSTAMP_PROMTOOL)}));
    EXPECT_EQ(checked.status, 0);
    EXPECT_EQ(checked.out + checked.err, "");
}

TEST_F(WatchMetrics, ATakenPortAndAForeignAddressAreOneLine) {
    const Child child = watching({"--metrics", std::string(kPlace)});
    const auto refused = [&](const std::string& place) {
        const CommandOutput output = require(lab().client().exec(
            {built_program(), "watch", "-i", interface(), "--metrics", place, "--duration", "1s"}));
        EXPECT_EQ(output.status, 1) << output.err;
        EXPECT_EQ(std::ranges::count(output.err, '\n'), 1) << output.err;
        return output.err;
    };
    EXPECT_THAT(refused(std::string(kPlace)),
                HasSubstr("127.0.0.1:9464: listen: address already in use; "
                          "choose another port"));
    EXPECT_THAT(refused("192.0.2.77:9464"), HasSubstr("no address of this host"));
}

TEST_F(WatchMetrics, AnAddressThatOthersReachIsSaid) {
    const std::string place = fmt::format("{}:9464", lab().client().address().text());
    Child child = watching({"--metrics", place});
    EXPECT_THAT(child.err(), HasSubstr(fmt::format("metrics on {}: whoever reaches", place)));
    EXPECT_TRUE(happens([&] { return scrape(place).contains("flowstamp_packets_total"); }));
    EXPECT_EQ(scrape(), "") << "127.0.0.1 was not asked for";
    EXPECT_EQ(child.stop(10s).status, 0);
}

}  // namespace
}  // namespace flowstamp::lab
