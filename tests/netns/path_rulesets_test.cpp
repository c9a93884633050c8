// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The rule that dropped a flow, in random rulesets of each tool with several rules that drop at once: never
// a wrong one for certain, and the right one first.
//
// FLOWSTAMP_RULESETS: how many; FLOWSTAMP_RULESETS_SEED: where to begin.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "tests/netns/environment.h"
#include "tests/netns/live_path.h"
#include "tests/netns/ruleset_generator.h"

namespace flowstamp::lab {
namespace {

constexpr std::uint64_t kRulesets = 12;  ///< of all kinds together
constexpr std::array kKinds{RulesetKind::nft, RulesetKind::iptables_legacy,
                            RulesetKind::nft_without_counters, RulesetKind::iptables_nft};
constexpr auto kPatience = 5s;

/// What was said of the flows of one kind's rulesets.
struct Score {
    unsigned rulesets = 0, flows = 0, certain = 0, first = 0, wrong_certain = 0;
    std::chrono::milliseconds slowest{};
};

class PathRulesets : public LivePathTest {
  protected:
    GeneratedRuleset load(RulesetKind kind, std::uint64_t seed) {
        make({.routers = 1});
        GeneratedRuleset ruleset =
            generate_ruleset({.kind = kind,
                              .seed = seed,
                              .client = lab().client().address(Family::V4).text(),
                              .server = lab().server().address(Family::V4).text(),
                              .from_client = router().toward(Side::Client).name,
                              .to_server = router().toward(Side::Server).name});
        if (!ruleset.sets.empty()) {
            restore({"ipset", "restore"}, ruleset.sets);
        }
        switch (kind) {
            case RulesetKind::iptables_nft:
                restore({"iptables-nft-restore"}, ruleset.text);
                break;
            case RulesetKind::iptables_legacy:
                restore({"iptables-legacy-restore"}, ruleset.text);
                break;
            default:
                restore({"nft", "-f", "-"}, ruleset.text);
        }
        return ruleset;
    }
    void restore(const Argv& argv, const std::string& text) {
        const Status done = router().require(argv, text);
        ASSERT_TRUE(done) << done.error().message() << "\n" << text;
    }

    static bool is_about(const pathtrace::PathReport& report, const DroppedFlow& flow) {
        return report.drop && !report.is_reply &&
               pathtrace::destination_of(report.name).port == flow.port;
    }
    static bool names(const pathtrace::PathReport& report, const DroppedFlow& flow) {
        const auto& attribution = report.drop->attribution;
        return attribution && attribution->chain == flow.chain &&
               attribution->text.contains(flow.text);
    }
    static bool is_certain(const pathtrace::PathReport& report) {
        return report.drop->attribution &&
               report.drop->attribution->certainty == netfilter::Certainty::certain;
    }

    void judge(const GeneratedRuleset& ruleset, Score& score, const std::string& position) {
        using Clock = std::chrono::steady_clock;
        LivePath& path = follow(router(), fmt::format("tcp portrange {}-{}", kFirstGeneratedPort,
                                                      kFirstGeneratedPort + kGeneratedFlows - 1));
        const auto sent = Clock::now();
        std::vector<Fd> connections;
        for (const DroppedFlow& flow : ruleset.flows) {
            auto more = start_connections(lab().client(),
                                          {lab().server().address(Family::V4), flow.port}, 1);
            std::ranges::move(more, std::back_inserter(connections));
        }
        for (const DroppedFlow& flow : ruleset.flows) {
            const auto last = path.wait_for(
                [&](const pathtrace::PathReport& report) {
                    return is_about(report, flow) && report.drop->attribution;
                },
                kPatience);
            score.slowest = std::max(
                score.slowest,
                std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - sent));
            score.flows++;
            score.first += last && names(*last, flow);
            score.certain += last && names(*last, flow) && is_certain(*last);
            if (!last || !names(*last, flow)) {
                fmt::print("{}: port {}: not {} of {}, but {}\n", position, flow.port, flow.text,
                           flow.chain, last ? testing::PrintToString(*last) : "nothing");
            }
        }
        path.stop();
        for (const pathtrace::PathReport& report : path.reports()) {
            for (const DroppedFlow& flow : ruleset.flows) {
                if (is_about(report, flow) && is_certain(report) && !names(report, flow)) {
                    score.wrong_certain++;
                    ADD_FAILURE() << position << ": port " << flow.port << ": not " << flow.text
                                  << " of " << flow.chain << ", but "
                                  << testing::PrintToString(report);
                }
            }
        }
        path_.reset();
    }
};

TEST_F(PathRulesets, NameTheRuleThatDrops) {
    const std::uint64_t rulesets = from_environment("FLOWSTAMP_RULESETS", kRulesets);
    const std::uint64_t seed = from_environment("FLOWSTAMP_RULESETS_SEED", 1);
    std::array<Score, kKinds.size()> scores{};
    for (std::uint64_t i = 0; i < rulesets; i++) {
        const RulesetKind kind = kKinds.at((seed + i) % kKinds.size());
        Score& score = scores.at(static_cast<std::size_t>(kind));
        const GeneratedRuleset ruleset = load(kind, seed + i);
        score.rulesets++;
        judge(ruleset, score,
              fmt::format("FLOWSTAMP_RULESETS_SEED={} ({}, {} rules)", seed + i, name_of(kind),
                          ruleset.rules));
    }
    unsigned flows = 0, first = 0;
    fmt::print(
        "| rulesets | number | flows | the right rule first | certain | certain and wrong | "
        "slowest answer |\n|---|---|---|---|---|---|---|\n");
    for (std::size_t i = 0; i < scores.size(); i++) {
        const Score& score = scores.at(i);
        fmt::print("| {} | {} | {} | {} | {} | {} | {} ms |\n",
                   name_of(static_cast<RulesetKind>(i)), score.rulesets, score.flows, score.first,
                   score.certain, score.wrong_certain, score.slowest.count());
        flows += score.flows;
        first += score.first;
    }
    EXPECT_GE(first * 100, flows * 95);
}

}  // namespace
}  // namespace flowstamp::lab
