// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Real rulesets of nft and both iptables, packets that they really drop, and the rule that is
// named.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/netns/path_fixture.h"
#include "user/lab/socket.h"
#include "user/netfilter/priorities.h"

namespace flowstamp::lab {
namespace {

using Hook = netfilter::NetfilterHook;
constexpr netfilter::Certainty kCertain = netfilter::Certainty::certain;
constexpr netfilter::Certainty kProbable = netfilter::Certainty::probable;

class PathRuleset : public PathTest {};

TEST_F(PathRuleset, ReadsAnEmptyRuleset) {
    const netfilter::Ruleset ruleset = ruleset_of(lab().server());
    EXPECT_TRUE(ruleset.tables.empty());
    EXPECT_TRUE(ruleset.unread.empty());
}

TEST_F(PathRuleset, NativeRuleBehindJumps) {
    nft(lab().server(), R"(table inet firewall {
        chain services {
            tcp dport 10174 counter drop
            udp dport 10174 counter drop
        }
        chain input {
            type filter hook input priority filter; policy accept;
            ct state invalid counter drop
            meta l4proto { tcp, udp } counter jump services
            udp dport 7 counter drop
        }
    })");
    expect_attribution(
        lab().server(), at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        "table inet firewall, chain services, handle", "its counter moved by 3");
    expect_attribution(
        lab().server(), at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        ": udp dport 10174 counter drop");
    expect_attribution(
        lab().server(), at(Hook::input, 0, 2), [&] { send(2, 10174, lab::Family::V6); }, kCertain,
        ": udp dport 10174 counter drop");
}

TEST_F(PathRuleset, RuleWithoutCounter) {
    nft(lab().server(), R"(table ip firewall {
        chain input {
            type filter hook input priority -5; policy accept;
            udp dport 7 counter drop
            udp dport 10174 drop
        }
    })");
    const CountedLoss loss = at(Hook::input, -5, 3);
    expect_attribution(
        lab().server(), loss, [&] { send(3); }, kCertain, ": udp dport 10174 drop",
        "it has no counter, and nothing else there");
    nft(lab().server(), "add rule ip firewall input tcp dport 9 drop\n");
    expect_attribution(
        lab().server(), loss, [&] { send(3); }, kProbable, "table ip firewall",
        "which has no counter");
}

TEST_F(PathRuleset, NativePolicy) {
    nft(lab().router(1), R"(table inet firewall {
        chain forward {
            type filter hook forward priority filter; policy drop;
            udp dport 7 counter drop
        }
    })");
    expect_attribution(
        lab().router(1), at(Hook::forward, 0, 3), [&] { send(3); }, kCertain,
        "table inet firewall, chain forward: policy drop");
    expect_attribution(
        lab().router(1), at(Hook::forward, 0, 3), [&] { send(3, 7); }, kProbable,
        ": udp dport 7 counter drop", "policy drop");
}

TEST_F(PathRuleset, AtADevicesIngress) {
    nft(lab().server(), R"(table netdev guard {
        chain in {
            type filter hook ingress device "to-router1" priority -500; policy accept;
            udp dport 10174 counter drop
        }
    })");
    CountedLoss loss = at(Hook::ingress, -500, 3, netfilter::TableFamily::netdev);
    loss.device = "to-router1";
    expect_attribution(
        lab().server(), loss, [&] { send(3); }, kCertain,
        "table netdev guard, chain in, handle 2: udp dport 10174 counter drop");
    loss.device = "other";
    const netfilter::Ruleset before = ruleset_of(lab().server());
    send(3);
    EXPECT_FALSE(
        netfilter::attribute_drop(before, ruleset_of(lab().server()), loss, {.packets = 3}));
}

/// libnftables 1.0.6 sometimes breaks off its JSON at a table's flags.
TEST_F(PathRuleset, BesideATableWithFlags) {
    nft(lab().server(), R"(
    table inet asleep {
        flags dormant
        chain input { type filter hook input priority filter; policy drop; }
    }
    table inet firewall {
        map services { type inet_service : verdict; elements = { 10174 : jump services } }
        chain services {
            counter drop
        }
        chain input {
            type filter hook input priority filter; policy accept;
            udp dport vmap @services
        }
    })");
    for (int i = 0; i < 20; ++i) {
        const netfilter::Ruleset ruleset = ruleset_of(lab().server());
        ASSERT_TRUE(ruleset.unread.empty()) << ruleset.unread.front();
        ASSERT_EQ(ruleset.tables.size(), 2U);
        ASSERT_TRUE(ruleset.tables[0].dormant);
    }
    expect_attribution(
        lab().server(), at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        "table inet firewall, chain services");
}

/// Its comments look like flags and like another table.
TEST_F(PathRuleset, ACommentIsNoTable) {
    nft(lab().server(), R"(table inet firewall {
        comment "t
	flags dormant"
        chain input {
            comment "about it"
            type filter hook input priority filter; policy accept;
            udp dport 10174 counter drop comment "a
table inet firewall {
	flags dormant # handle 3"
            udp dport 7 counter drop
        }
    })");
    expect_attribution(
        lab().server(), at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        ": udp dport 10174 counter drop comment \"a\n");
    expect_attribution(
        lab().server(), at(Hook::input, 0, 3), [&] { send(3, 7); }, kCertain,
        ": udp dport 7 counter drop");
}

TEST_F(PathRuleset, VerdictMaps) {
    nft(lab().server(), R"(table inet firewall {
        map services { type inet_service : verdict; elements = { 22 : accept, 10174 : drop } }
        chain input {
            type filter hook input priority filter; policy accept;
            udp dport vmap @services
        }
    })");
    expect_attribution(
        lab().server(), at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        ": udp dport vmap @services");
}

/// The same commands for both iptables variants.
class PathIptables : public PathTest, public testing::WithParamInterface<const char*> {
  protected:
    static std::string tool() { return GetParam(); }
    static std::string command(lab::Family family = lab::Family::V4) {
        return (family == lab::Family::V4 ? "iptables-" : "ip6tables-") + tool();
    }
};

TEST_P(PathIptables, RuleOfAUserChain) {
    const lab::Namespace& server = lab().server();
    run(server, command() + " -N services");
    run(server, command() + " -A INPUT -p udp -j services");
    run(server, command() + " -A services -p udp --dport 7 -j DROP");
    run(server, command() + " -A services -p udp --dport 10174 -j DROP");
    expect_attribution(
        server, at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        "iptables-" + tool() +
            ", table filter, chain services, rule 2: "
            "-A services -p udp -m udp --dport 10174 -j DROP");
}

TEST_P(PathIptables, APolicy) {
    const lab::Namespace& server = lab().server();
    run(server, command() + " -A INPUT -p udp --dport 7 -j DROP");
    run(server, command() + " -P INPUT DROP");
    expect_attribution(
        server, at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        "iptables-" + tool() + ", table filter, chain INPUT: policy drop",
        "its counter moved by 3");
    expect_attribution(
        server, at(Hook::input, 0, 3), [&] { send(3, 7); }, kCertain,
        "rule 1: -A INPUT -p udp -m udp --dport 7 -j DROP");
}

/// The comment looks like a policy and a rule in the save format.
TEST_P(PathIptables, ACommentIsNoPolicy) {
    const lab::Namespace& server = lab().server();
    const Status done =
        server.require({command(), "-A", "INPUT", "-p", "udp", "--dport", "10174", "-m", "comment",
                        "--comment", "x\n*filter\n:INPUT DROP\n-A INPUT y", "-j", "DROP"});
    ASSERT_TRUE(done) << done.error().message();
    expect_attribution(
        server, at(Hook::input, 0, 3), [&] { send(3); }, kCertain,
        "iptables-" + tool() + ", table filter, chain INPUT, rule 1: -A INPUT -p udp",
        "its counter moved by 3");
}

TEST_P(PathIptables, RawAndMangle) {
    const lab::Namespace& router = lab().router(1);
    run(router, command() + " -t raw -A PREROUTING -p udp --dport 10174 -j DROP");
    run(router, command() + " -t mangle -A FORWARD -p udp --dport 7 -j DROP");
    expect_attribution(
        router, at(Hook::prerouting, -300, 3), [&] { send(3); }, kCertain,
        "table raw, chain PREROUTING, rule 1");
    expect_attribution(
        router, at(Hook::forward, -150, 3), [&] { send(3, 7); }, kCertain,
        "table mangle, chain FORWARD, rule 1");
}

TEST_P(PathIptables, Ipv6) {
    const lab::Namespace& server = lab().server();
    run(server, command(lab::Family::V6) + " -A INPUT -p udp --dport 10174 -j DROP");
    expect_attribution(
        server, at(Hook::input, 0, 3, netfilter::TableFamily::ip6),
        [&] { send(3, 10174, lab::Family::V6); }, kCertain,
        "ip6tables-" + tool() + ", table filter, chain INPUT, rule 1");
}

TEST_P(PathIptables, RejectWithReset) {
    const lab::Namespace& router = lab().router(1);
    run(router, command() + " -A FORWARD -p tcp --dport 10174 -j REJECT --reject-with tcp-reset");
    const auto start_connections = [&] {
        const auto refused = lab().client().run_in([&] {
            return lab::connect_tcp({lab().server().address(), 10174},
                                    {.deadline = lab::SteadyClock::now() + 2s});
        });
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().errno_value, ECONNREFUSED);
    };
    expect_attribution(router, at(Hook::forward, 0, 1), start_connections, kCertain, "-j REJECT");
}

TEST_P(PathIptables, InsertedRuleOnlyChangesNumbers) {
    const lab::Namespace& server = lab().server();
    run(server, command() + " -A INPUT -p udp --dport 7 -j DROP");
    run(server, command() + " -A INPUT -p udp --dport 10174 -j DROP");
    expect_attribution(
        server, at(Hook::input, 0, 3),
        [&] {
            run(server, command() + " -I INPUT -p udp --dport 9 -j ACCEPT");
            send(3);
        },
        kCertain, "rule 3: -A INPUT -p udp -m udp --dport 10174 -j DROP");
}

TEST_P(PathIptables, CountersZeroedMeanwhile) {
    const lab::Namespace& server = lab().server();
    run(server, command() + " -A INPUT -p udp --dport 10174 -j DROP");
    expect_attribution(server, at(Hook::input, 0, 3), [&] { send(3); }, kCertain, "rule 1");
    expect_attribution(
        server, at(Hook::input, 0, 2),
        [&] {
            run(server, command() + " -Z");
            send(2);
        },
        kProbable, "rule 1", "its counter was reset");
}

INSTANTIATE_TEST_SUITE_P(Both, PathIptables, testing::Values("nft", "legacy"),
                         [](const auto& tool) { return std::string(tool.param); });

TEST_F(PathRuleset, ReadingCreatesNoLegacyTables) {
    run(lab().server(), "iptables-legacy -t raw -A PREROUTING -p udp --dport 7 -j DROP");
    const auto tables = [&] {
        return require(lab().server().exec(
                           {"cat", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"}))
            .out;
    };
    EXPECT_EQ(tables(), "raw\n");
    const netfilter::Ruleset ruleset = ruleset_of(lab().server());
    EXPECT_EQ(ruleset.tables.size(), 1U);
    EXPECT_EQ(tables(), "raw\n");
}

TEST_F(PathRuleset, BothKindsOfIptablesAtOnePriority) {
    const lab::Namespace& server = lab().server();
    run(server, "iptables-nft -A INPUT -p udp --dport 7 -j DROP");
    run(server, "iptables-legacy -A INPUT -p udp --dport 10174 -j DROP");
    expect_attribution(
        server, at(Hook::input, 0, 3), [&] { send(3); }, kCertain, "iptables-legacy");
    expect_attribution(
        server, at(Hook::input, 0, 3), [&] { send(3, 7); }, kCertain, "iptables-nft");
}

TEST_F(PathRuleset, PrioritiesAreNamedAsNftNamesThem) {
    struct Hooked {
        const char* family;
        Hook hook;
    };
    for (const Hooked each :
         {Hooked{"inet", Hook::prerouting}, Hooked{"ip", Hook::postrouting},
          Hooked{"ip6", Hook::input}, Hooked{"bridge", Hook::output}, Hooked{"arp", Hook::input}}) {
        std::string table = std::string("table ") + each.family + " t {\n";
        for (const int priority : {-400, -311, -310, -290, -200, -150, -141, -100, -91, -5, 0, 9,
                                   50, 61, 90, 100, 110, 300}) {
            table += fmt::format("chain c{} {{ type filter hook {} priority {}; }}\n",
                                 priority + 1000, netfilter::name_of(each.hook), priority);
        }
        nft(lab().server(), table + "}\n");
        const std::string listed = require(lab().server().exec({"nft", "list", "ruleset"})).out;
        const netfilter::Ruleset ruleset = ruleset_of(lab().server());
        for (const netfilter::Chain& chain : ruleset.tables.at(0).chains) {
            const std::string name = netfilter::priority_name(*netfilter::family_named(each.family),
                                                              each.hook, chain.base->priority);
            const std::size_t start = listed.find("chain " + chain.name + " {");
            const std::size_t at = listed.find(" priority ", start) + 10;
            EXPECT_EQ(listed.substr(at, listed.find(';', at) - at), name)
                << each.family << " " << chain.base->priority;
        }
        nft(lab().server(), "flush ruleset\n");
    }
}

}  // namespace
}  // namespace flowstamp::lab
