// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// nft's own trace names the rule where counters cannot, and leaves nothing behind.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>

#include "tests/netns/path_fixture.h"
#include "user/netfilter/nft_trace.h"

namespace flowstamp::lab {
namespace {

class PathTrace : public PathTest {
  protected:
    /// Traces packets to the server while `during` runs, in one thread of the host.
    void trace(const lab::Namespace& host, const std::function<void(netfilter::NftTrace&)>& during,
               lab::Family family = lab::Family::V4) {
        const auto matches = require(net::packet_matches("udp dst port 10174 and dst " +
                                                         lab().server().address(family).text()));
        host.run_in([&] {
            netfilter::NftTrace tracing = require(netfilter::NftTrace::start(matches.any_of));
            during(tracing);
        });
    }

    /// Sends packets until the trace reports a drop, as a rule of `host`.
    std::string dropped_by(const lab::Namespace& host, netfilter::NftTrace& trace,
                           const netfilter::Loss& loss, lab::Family family = lab::Family::V4) {
        const auto deadline = std::chrono::steady_clock::now() + 5s;
        netfilter::NftTraceDrops drops;
        while (drops.empty() && std::chrono::steady_clock::now() < deadline) {
            send(1, 10174, family);
            std::this_thread::sleep_for(50ms);
            for (const netfilter::NftTraceDrop& drop : trace.take_drops()) {
                drops[drop]++;
            }
        }
        const auto attribution =
            netfilter::traced_attribution(ruleset_of(host), loss, {.packets = 1}, drops);
        return !attribution || attribution->certainty != netfilter::Certainty::certain
                   ? "nobody"
                   : netfilter::words_of(*attribution);
    }

    static std::string listed(const lab::Namespace& host) {
        return require(host.exec({"nft", "list", "ruleset"})).out;
    }
};

TEST_F(PathTrace, DistinguishesTwoRulesWithoutCounters) {
    nft(lab().server(), R"(table inet firewall {
        chain input {
            type filter hook input priority filter; policy accept;
            tcp dport 9 drop
            udp dport 10000-11000 drop
        }
    })");
    const std::string before = listed(lab().server());
    trace(lab().server(), [&](netfilter::NftTrace& tracing) {
        EXPECT_TRUE(listed(lab().server()).contains("flowstamp_trace"));
        EXPECT_THAT(dropped_by(lab().server(), tracing, at(netfilter::NetfilterHook::input, 0, 1)),
                    testing::HasSubstr(": udp dport 10000-11000 drop"));
    });
    EXPECT_EQ(listed(lab().server()), before);
}

TEST_F(PathTrace, APolicyOfAForwardChainForIpv6) {
    nft(lab().router(1), R"(table ip6 firewall {
        chain forward { type filter hook forward priority filter; policy drop; }
    })");
    const auto look = [&](netfilter::NftTrace& tracing) {
        EXPECT_EQ(
            dropped_by(lab().router(1), tracing,
                       at(netfilter::NetfilterHook::forward, 0, 1, netfilter::TableFamily::ip6),
                       lab::Family::V6),
            "table ip6 firewall, chain forward: policy drop");
    };
    trace(lab().router(1), look, lab::Family::V6);
}

TEST_F(PathTrace, RulesOfIptablesNft) {
    run(lab().server(), "iptables-nft -A INPUT -p udp -j REJECT");
    trace(lab().server(), [&](netfilter::NftTrace& tracing) {
        EXPECT_THAT(
            dropped_by(lab().server(), tracing, at(netfilter::NetfilterHook::input, 0, 1)),
            testing::HasSubstr("iptables-nft, table filter, chain INPUT, rule 1: -A INPUT"));
    });
}

TEST_F(PathTrace, OtherPacketsAreNotTraced) {
    nft(lab().server(), R"(table inet firewall {
        chain input {
            type filter hook input priority filter; policy accept;
            udp dport 7 drop
            udp dport 10174 drop
        }
    })");
    trace(lab().server(), [&](netfilter::NftTrace& tracing) {
        send(5, 7);
        EXPECT_THAT(dropped_by(lab().server(), tracing, at(netfilter::NetfilterHook::input, 0, 1)),
                    testing::HasSubstr(": udp dport 10174 drop"));
    });
}

/// Its output is consumed as it arrives: a long trace does not accumulate memory.
TEST_F(PathTrace, ReportsADropOnce) {
    run(lab().server(), "iptables-nft -A INPUT -p udp -j DROP");
    trace(lab().server(), [&](netfilter::NftTrace& tracing) {
        std::size_t reported = 0;
        const auto deadline = std::chrono::steady_clock::now() + 5s;
        for (send(3); reported < 3 && std::chrono::steady_clock::now() < deadline;) {
            std::this_thread::sleep_for(20ms);
            reported += tracing.take_drops().size();
        }
        std::this_thread::sleep_for(100ms);
        EXPECT_EQ(reported + tracing.take_drops().size(), 3U);
    });
}

std::string read_whole(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(PathTrace, LeavesNothingBehindWhenKilled) {
    const lab::Namespace& router = lab().router(1);
    Child path = require(router.spawn({built_program(), "path", "--trace", "-i",
                                       router.toward(lab::Side::Client).name, "udp port 10174"}));
    ASSERT_TRUE(path.wait_for_output("following ", 20s)) << path.err();
    EXPECT_TRUE(listed(router).contains("flowstamp_trace"));
    std::istringstream children(read_whole(fmt::format("/proc/{0}/task/{0}/children", path.pid())));
    pid_t monitor = 0;
    ASSERT_TRUE(children >> monitor);
    const std::string command_line = fmt::format("/proc/{}/cmdline", monitor);
    EXPECT_TRUE(read_whole(command_line).contains("monitor"));
    path.signal(SIGKILL);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while ((listed(router).contains("flowstamp_trace") || !read_whole(command_line).empty()) &&
           std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(10ms);
    }
    EXPECT_FALSE(listed(router).contains("flowstamp_trace"));
    EXPECT_EQ(read_whole(command_line), "");
}

}  // namespace
}  // namespace flowstamp::lab
