// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Finds the rule that dropped the packets, in a random ruleset of 500 rules in 40 chains.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "tests/netns/live_path.h"

namespace flowstamp::lab {
namespace {

constexpr unsigned kChains = 40;
constexpr unsigned kRules = 500;
constexpr std::uint16_t kOurPort = 10174;

/// Chain 0 is the base chain; each other one is jumped to from an earlier one, by all test packets,
/// at most as deep as the kernel allows (16 jumps). Rules for other ports surround them, all with
/// counters.
class RandomRuleset {
  public:
    explicit RandomRuleset(unsigned seed) : random_(seed), chains_(kChains) {
        std::vector<unsigned> depths(kChains, 0);
        for (unsigned i = 1; i < kChains; ++i) {
            unsigned parent = below(i);
            while (depths[parent] > 12) {
                parent = below(i);
            }
            depths[i] = depths[parent] + 1;
            chains_[parent].push_back(fmt::format("udp dport 10000-10999 counter jump chain{}", i));
        }
        for (unsigned i = kChains - 1; i < kRules - 1; ++i) {
            chains_[below(kChains)].push_back(others_rule());
        }
        for (auto& rules : chains_) {
            std::ranges::shuffle(rules, random_);
        }
        std::vector<std::string>& rules = chains_[below(kChains)];
        rules.insert(rules.begin() + below(static_cast<unsigned>(rules.size()) + 1),
                     fmt::format("udp dport {} counter drop", kOurPort));
    }

    std::string text() const {
        std::string table = "table inet strangers {\n";
        for (unsigned i = kChains; i-- > 0;) {  // chains must exist before they are jumped to
            table += fmt::format("chain chain{} {{\n", i);
            table += i == 0 ? "type filter hook input priority filter; policy accept;\n" : "";
            for (const std::string& rule : chains_[i]) {
                table += rule + "\n";
            }
            table += "}\n";
        }
        return table + "}\n";
    }

  private:
    unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }

    std::string others_rule() {
        static constexpr std::array verdicts{"drop", "drop", "accept", "reject", "return"};
        const char* verdict = verdicts[below(verdicts.size())];
        switch (below(4)) {
            case 0:
                return fmt::format("ip saddr 192.0.2.{} counter {}", below(256), verdict);
            case 1:
                return fmt::format("tcp dport {{ {}, {} }} ct state new counter {}", below(30000),
                                   30000 + below(30000), verdict);
            case 2:
                return fmt::format("ip6 saddr 2001:db8:{:x}::/48 udp sport {} counter {}",
                                   below(65536), below(65536), verdict);
            default:
                return fmt::format("udp dport {} counter {}", 20000 + below(10000), verdict);
        }
    }

    std::mt19937 random_;
    std::vector<std::vector<std::string>> chains_;
};

class PathRandomRuleset : public LivePathTest, public testing::WithParamInterface<unsigned> {};

TEST_P(PathRandomRuleset, FindsTheRuleAmong500) {
    using Clock = std::chrono::steady_clock;
    nft(lab().server(), RandomRuleset(GetParam()).text());
    const auto first = Clock::now();
    const netfilter::Ruleset before = ruleset_of(lab().server());
    const auto read = Clock::now() - first;
    std::size_t rules = 0;
    for (const netfilter::Chain& chain : before.tables.at(0).chains) {
        rules += chain.rules.size();
    }
    EXPECT_EQ(before.tables.at(0).chains.size(), kChains);
    EXPECT_EQ(rules, kRules);
    expect_attribution(
        lab().server(), at(netfilter::NetfilterHook::input, 0, 3), [&] { send(3, kOurPort); },
        netfilter::Certainty::certain, ": udp dport 10174 counter drop");
    const auto second = Clock::now();
    const netfilter::Ruleset after = ruleset_of(lab().server());
    EXPECT_TRUE(netfilter::attribute_drop(before, after, at(netfilter::NetfilterHook::input, 0, 3),
                                          {.packets = 3}));
    const auto milliseconds = [](auto length) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(length).count();
    };
    std::cout << fmt::format("reading {} rules takes {} ms; again, with the answer, {} ms\n", rules,
                             milliseconds(read), milliseconds(Clock::now() - second));
}

/// The same end to end: stations, packets, and the ruleset read after losses.
TEST_P(PathRandomRuleset, TracerNamesTheRule) {
    nft(lab().server(), RandomRuleset(GetParam()).text());
    follow(lab().server(), fmt::format("udp port {}", kOurPort));
    send(5, kOurPort);
    expect_rule_named("input", ": udp dport 10174 counter drop");
}

INSTANTIATE_TEST_SUITE_P(Seeds, PathRandomRuleset, testing::Values(1U, 2U, 3U),
                         [](const auto& seed) { return fmt::format("Seed{}", seed.param); });

}  // namespace
}  // namespace flowstamp::lab
