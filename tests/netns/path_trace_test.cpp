// SPDX-License-Identifier: Apache-2.0
//
// nft's own trace names the rule where counters cannot, and leaves nothing behind.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <optional>
#include <string>

#include "tests/netns/path_fixture.h"
#include "user/path/nft_trace.h"

namespace flowstamp::lab {
namespace {

class PathTrace : public PathTest {
  protected:
    NftTrace trace(const Namespace& host, Family family = Family::V4) {
        const TraceMatch match{.family = family == Family::V4 ? TableFamily::ip : TableFamily::ip6,
                               .destination = lab().server().address(family).text(),
                               .protocol = IPPROTO_UDP,
                               .destination_port = 10174};
        return require(host.run_in([&] { return NftTrace::start(match); }));
    }

    /// Sends packets until the trace has told of one dropped, as a rule of `host`.
    std::string dropped_by(const Namespace& host, const NftTrace& trace,
                           Family family = Family::V4) {
        const auto deadline = std::chrono::steady_clock::now() + 5s;
        while (trace.drops().empty() && std::chrono::steady_clock::now() < deadline) {
            send(1, 10174, family);
            std::this_thread::sleep_for(50ms);
        }
        const auto drops = trace.drops();
        const auto culprit =
            drops.empty() ? std::nullopt : traced_culprit(ruleset_of(host), drops.front());
        return culprit ? words_of(*culprit) : "nobody";
    }

    static std::string listed(const Namespace& host) {
        return require(host.exec({"nft", "list", "ruleset"})).out;
    }
};

TEST_F(PathTrace, TellsTwoRulesWithoutCountersApart) {
    nft(lab().server(), R"(table inet firewall {
        chain input {
            type filter hook input priority filter; policy accept;
            tcp dport 9 drop
            udp dport 10000-11000 drop
        }
    })");
    const std::string before = listed(lab().server());
    {
        const NftTrace tracing = trace(lab().server());
        EXPECT_TRUE(listed(lab().server()).contains("flowstamp_trace"));
        EXPECT_THAT(dropped_by(lab().server(), tracing),
                    testing::HasSubstr(": udp dport 10000-11000 drop"));
    }
    EXPECT_EQ(listed(lab().server()), before);
}

TEST_F(PathTrace, APolicyOfAForwardChainForIpv6) {
    nft(lab().router(1), R"(table ip6 firewall {
        chain forward { type filter hook forward priority filter; policy drop; }
    })");
    const NftTrace tracing = trace(lab().router(1), Family::V6);
    EXPECT_EQ(dropped_by(lab().router(1), tracing, Family::V6),
              "table ip6 firewall, chain forward: policy drop");
}

TEST_F(PathTrace, RulesOfIptablesNft) {
    run(lab().server(), "iptables-nft -A INPUT -p udp -j REJECT");
    const NftTrace tracing = trace(lab().server());
    EXPECT_THAT(dropped_by(lab().server(), tracing),
                testing::HasSubstr("iptables-nft, table filter, chain INPUT, rule 1: -A INPUT"));
}

TEST_F(PathTrace, OthersPacketsAreNotTraced) {
    nft(lab().server(), R"(table inet firewall {
        chain input { type filter hook input priority filter; policy drop; }
    })");
    const NftTrace tracing = trace(lab().server());
    send(5, 7);
    std::this_thread::sleep_for(200ms);
    EXPECT_TRUE(tracing.drops().empty());
}

}  // namespace
}  // namespace flowstamp::lab
