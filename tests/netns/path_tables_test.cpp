// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A drop in each table and chain of each tool: the right rule is named.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>

#include "tests/netns/live_path.h"

namespace flowstamp::lab {
namespace {

constexpr std::uint16_t kFirstPort = 10174;
constexpr const char* kFilter = "tcp portrange 10174-10199";

class PathTables : public LivePathTest {
  protected:
    /// Connections that reach a hook of the router: to it, from it, or through it.
    void start_connections_at(std::string_view hook, lab::Family family,
                              std::uint16_t port = kFirstPort) {
        const bool to_router = hook == "input";
        const auto& server = to_router ? router().toward(lab::Side::Client).address(family)
                                       : lab().server().address(family);
        auto more = start_connections(hook == "output" ? router() : lab().client(), {server, port});
        std::ranges::move(more, std::back_inserter(connections_));
    }

    /// What an existing rule drops of them, and how it is named.
    void expect_rule(const std::string& hook, const std::string& words) {
        follow(router(), kFilter);
        start_connections_at(hook, lab::Family::V4);
        EXPECT_EQ(
            expect_rule_named(hook, words).drop.value_or(pathtrace::PathReport::Drop{}).reason,
            "NETFILTER_DROP");
    }

    std::vector<Fd> connections_;
};

struct Place {
    const char* table;
    const char* chain;
    const char* hook;
};
constexpr std::array kPlaces{
    Place{"raw", "PREROUTING", "prerouting"},      Place{"raw", "OUTPUT", "output"},
    Place{"mangle", "PREROUTING", "prerouting"},   Place{"mangle", "INPUT", "input"},
    Place{"mangle", "FORWARD", "forward"},         Place{"mangle", "OUTPUT", "output"},
    Place{"mangle", "POSTROUTING", "postrouting"}, Place{"filter", "INPUT", "input"},
    Place{"filter", "FORWARD", "forward"},         Place{"filter", "OUTPUT", "output"},
    Place{"security", "INPUT", "input"},           Place{"security", "FORWARD", "forward"},
    Place{"security", "OUTPUT", "output"}};

class PathTablesOf : public PathTables, public testing::WithParamInterface<const char*> {
  protected:
    static std::string tool() { return GetParam(); }
    static lab::Family family() {
        return tool().starts_with("ip6") ? lab::Family::V6 : lab::Family::V4;
    }
    /// The rule at a place: each drops its own port, after a rule for other packets.
    static std::string rule(const Place& place, std::uint16_t port) {
        return fmt::format("-A {} -p tcp -m tcp --dport {} -j DROP", place.chain, port);
    }
};

/// All at once: each rule drops its packets, and no other is named for them.
TEST_P(PathTablesOf, EachRuleIsNamedForItsDrops) {
    std::uint16_t port = kFirstPort;
    for (const Place& place : kPlaces) {
        const std::string command = tool() + " -t " + place.table + " ";
        run(router(), command + "-A " + place.chain + " -p udp --dport 7 -j DROP");
        run(router(), command + rule(place, port++));
    }
    follow(router(), kFilter);
    port = kFirstPort;
    for (const Place& place : kPlaces) {
        start_connections_at(place.hook, family(), port++);
    }
    port = kFirstPort;
    for (const Place& place : kPlaces) {
        const pathtrace::PathReport report =
            expect_rule_named(place.hook, fmt::format("{}, table {}, chain {}, rule 2: {}", tool(),
                                                      place.table, place.chain, rule(place, port)));
        EXPECT_EQ(pathtrace::destination_of(report.name).port, port);
        EXPECT_FALSE(report.is_reply);
        port++;
    }
}

INSTANTIATE_TEST_SUITE_P(Iptables, PathTablesOf,
                         testing::Values("iptables-legacy", "iptables-nft", "ip6tables-legacy",
                                         "ip6tables-nft"),
                         [](const auto& tool) {
                             std::string name = tool.param;
                             name.replace(name.find('-'), 1, "_");
                             return name;
                         });

struct NativePlace {
    const char* family;
    const char* hook;
    int priority;
};
constexpr std::array kNativePlaces{
    NativePlace{"inet", "prerouting", -300}, NativePlace{"inet", "prerouting", -155},
    NativePlace{"ip", "prerouting", 7},      NativePlace{"inet", "forward", 0},
    NativePlace{"inet", "forward", 7},       NativePlace{"inet", "input", 0},
    NativePlace{"ip", "input", -155},        NativePlace{"inet", "output", 0},
    NativePlace{"ip", "output", 7},          NativePlace{"inet", "postrouting", 7},
    NativePlace{"inet", "postrouting", 100}, NativePlace{"inet", "postrouting", 300}};

/// A table with a chain "c" there, with a rule for other packets before those of the test.
std::string native_table(const NativePlace& place, const std::string& rules,
                         const char* policy = "accept", const std::string& name = "site") {
    return fmt::format(R"(table {} {} {{
        chain c {{
            type filter hook {} priority {}; policy {};
            udp dport 7 counter drop
            {}
        }}
    }}
)",
                       place.family, name, place.hook, place.priority, policy, rules);
}

TEST_F(PathTables, NativeRulesAtEachHookAndAtUnusualPriorities) {
    for (std::size_t i = 0; i < kNativePlaces.size(); ++i) {
        nft(router(),
            native_table(kNativePlaces[i], fmt::format("tcp dport {} counter drop", kFirstPort + i),
                         "accept", fmt::format("site{}", i)));
    }
    follow(router(), kFilter);
    for (std::size_t i = 0; i < kNativePlaces.size(); ++i) {
        start_connections_at(kNativePlaces[i].hook, lab::Family::V4,
                             static_cast<std::uint16_t>(kFirstPort + i));
    }
    for (std::size_t i = 0; i < kNativePlaces.size(); ++i) {
        const NativePlace& place = kNativePlaces[i];
        const pathtrace::PathReport report = expect_rule_named(
            place.hook, fmt::format("table {} site{}, chain c, handle 3: tcp dport {} counter drop",
                                    place.family, i, kFirstPort + i));
        EXPECT_EQ(pathtrace::destination_of(report.name).port, kFirstPort + i);
    }
}

/// Nothing else can have dropped them: all other rules have counters that did not change.
TEST_F(PathTables, NativeRuleWithoutCounter) {
    nft(router(), native_table({"inet", "forward", 0}, "tcp dport 10174 drop"));
    expect_rule("forward", "tcp dport 10174 drop");
}

TEST_F(PathTables, NativePolicy) {
    nft(router(), native_table({"inet", "forward", 0}, "udp dport 9 accept", "drop"));
    expect_rule("forward", "table inet site, chain c: policy drop");
}

/// nftables' own hooks of a device: after tc on ingress, before tc on egress.
std::string device_table(const char* hook, const char* device) {
    return fmt::format(R"(table netdev guard {{
        chain c {{
            type filter hook {} device "{}" priority 0; policy accept;
            udp dport 7 counter drop
            tcp dport 10174 counter drop
        }}
    }}
)",
                       hook, device);
}

TEST_F(PathTables, AtADevicesIngress) {
    nft(router(), device_table("ingress", "to-client"));
    follow(router(), kFilter);
    start_connections_at("forward", lab::Family::V4);
    expect_rule_named("to-client in",
                      "table netdev guard, chain c, handle 3: tcp dport 10174 counter drop");
}

TEST_F(PathTables, AtADevicesEgress) {
    nft(router(), device_table("egress", "to-server"));
    follow(router(), kFilter);
    start_connections_at("forward", lab::Family::V4);
    expect_rule_named("postrouting",
                      "table netdev guard, chain c, handle 3: tcp dport 10174 counter drop");
}

/// Two rules at one priority, one of each tool: only one counter changed.
TEST_F(PathTables, BothToolsAtOnePriority) {
    run(router(), "iptables-nft -A FORWARD -p udp --dport 7 -j DROP");
    run(router(), "iptables-legacy -A FORWARD -p tcp --dport 10174 -j DROP");
    expect_rule("forward", "iptables-legacy, table filter, chain FORWARD, rule 1");
}

/// Both drop followed packets, one after the other: each of the two flows has its own rule.
TEST_F(PathTables, DistinguishesTwoRulesOfOneChain) {
    nft(router(), native_table({"inet", "forward", 0},
                               "tcp dport 10174 counter drop\ntcp dport 10175 counter drop"));
    LivePath& path = follow(router(), kFilter);
    for (const std::uint16_t port : {10174, 10175}) {
        connections_.clear();  // no more packets of the first
        start_connections_at("forward", lab::Family::V4, port);
        const std::string rule = fmt::format("tcp dport {} counter drop", port);
        const pathtrace::PathReport report = expect_rule_named("forward", rule);
        EXPECT_EQ(pathtrace::destination_of(report.name).port, port);
    }
    path.stop();
    for (const pathtrace::PathReport& report : path.reports()) {
        const auto& attribution = report.drop.value_or(pathtrace::PathReport::Drop{}).attribution;
        EXPECT_TRUE(
            !attribution || attribution->certainty == netfilter::Certainty::probable ||
            attribution->text.contains(std::to_string(pathtrace::destination_of(report.name).port)))
            << testing::PrintToString(report);
    }
}

/// Three rules drop three ports in one batch, with and without counters, in chains of their own too: no
/// flow is told another's.
TEST_F(PathTables, RulesThatDropAtOnceAreToldApart) {
    nft(router(), R"(table inet site {
        chain c {
            type filter hook forward priority 0; policy accept;
            tcp dport 10174 counter drop
            tcp dport { 10175, 10180-10199 } jump more
            tcp dport != 10177 counter accept
            ip saddr 198.51.100.0/24 drop
        }
        chain more {
            oifname "to-router1" drop
            iifname "to-router1" counter accept
            tcp dport 10175 drop
        }
    })");
    LivePath& path = follow(router(), kFilter);
    for (const std::uint16_t port : {10174, 10175, 10176, 10177}) {
        start_connections_at("forward", lab::Family::V4, port);
    }
    const std::map<std::uint16_t, std::string> wanted{{10174, "tcp dport 10174 counter drop"},
                                                      {10175, "tcp dport 10175 drop"},
                                                      {10177, "ip saddr 198.51.100.0/24 drop"}};
    for (const auto& [port, rule] : wanted) {
        const pathtrace::PathReport report = expect_rule_named("forward", rule);
        EXPECT_EQ(pathtrace::destination_of(report.name).port, port);
    }
    path.stop();
    for (const pathtrace::PathReport& report : path.reports()) {
        if (report.drop && report.drop->attribution) {
            const auto rule = wanted.find(pathtrace::destination_of(report.name).port);
            ASSERT_NE(rule, wanted.end()) << testing::PrintToString(report);
            EXPECT_TRUE(words_of(*report.drop->attribution).contains(rule->second))
                << testing::PrintToString(report);
        }
    }
}

/// The first of two without counters matches: conntrack's state of the packet says so.
TEST_F(PathTables, AStateTellsTwoRulesWithoutCountersApart) {
    nft(router(), native_table({"inet", "forward", 0},
                               "ct state established tcp dport 10174 drop\n"
                               "ct state new tcp dport 10174 drop\ntcp dport 10000-11000 drop"));
    expect_rule("forward", "ct state new tcp dport 10174 drop");
}

/// Neither has a counter, and which one matches depends on what is not compared: not certain.
TEST_F(PathTables, TwoRulesWithoutCountersAreNeverCertain) {
    nft(router(), native_table({"inet", "forward", 0},
                               "ct mark 0 tcp dport 10174 drop\ntcp dport 10000-11000 drop"));
    LivePath& path = follow(router(), kFilter);
    start_connections_at("forward", lab::Family::V4);
    expect_rule_named("forward", "table inet site, chain c", netfilter::Certainty::probable);
    path.stop();
    for (const pathtrace::PathReport& report : path.reports()) {
        EXPECT_TRUE(!report.drop || !report.drop->attribution ||
                    report.drop->attribution->certainty == netfilter::Certainty::probable)
            << testing::PrintToString(report);
    }
}

}  // namespace
}  // namespace flowstamp::lab
