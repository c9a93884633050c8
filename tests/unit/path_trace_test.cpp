// SPDX-License-Identifier: Apache-2.0
// What `nft -a monitor trace` prints (nft 1.0.6, kernel 6.18) -> drops; and what is asked of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "user/path/culprit.h"
#include "user/path/nft_trace.h"

namespace flowstamp {
namespace {

TEST(PathTrace, DropsAmongOtherLines) {
    const auto drops = parse_traced_drops(
        "trace id dbb642de inet fw input packet: iif \"lo\" ip saddr 127.0.0.1 udp dport 9 \n"
        "trace id dbb642de inet fw input rule counter packets 0 bytes 0 jump sub # handle 4 "
        "(verdict jump sub)\n"
        "trace id dbb642de inet fw sub rule udp dport 9 drop comment \"# handle 7\" # handle 3 "
        "(verdict drop)\n"
        "trace id dbb642de ip fw input policy accept \n"
        "trace id 4c6578b0 ip fw input policy drop \n"
        "trace id 4c6578b0 ip fw input rule drop # handle 5 (verdict dr");
    ASSERT_EQ(drops.size(), 2U);
    EXPECT_EQ(drops[0], (TracedDrop{TableFamily::inet, "fw", "sub", 3}));
    EXPECT_EQ(drops[1], (TracedDrop{TableFamily::ip, "fw", "input", std::nullopt}));
}

TEST(PathTrace, OtherLinesAreNone) {
    for (const char* line : {"", "add rule ip fw input drop # handle 3", "trace id 1",
                             "trace id 1 inet fw sub rule drop (verdict drop)",
                             "trace id 1 moon fw sub rule drop # handle 3 (verdict drop)"}) {
        EXPECT_FALSE(parse_traced_drop(line)) << line;
    }
}

TEST(PathTrace, TheMatchInNftsWords) {
    EXPECT_EQ(nft_expression({}).value(), "meta nfproto ipv4 ");
    EXPECT_EQ(nft_expression({.family = TableFamily::ip6,
                              .source = "2001:db8::1",
                              .protocol = 17,
                              .source_port = 53,
                              .destination_port = 9})
                  .value(),
              "meta nfproto ipv6 ip6 saddr 2001:db8::1 meta l4proto 17 th sport 53 th dport 9 ");
    EXPECT_FALSE(nft_expression({.source = "192.0.2.1; flush ruleset"}));
    EXPECT_FALSE(nft_expression({.destination = "2001:db8::1"}));
}

TEST(PathTrace, ATracedRuleIsCertain) {
    Ruleset ruleset;
    ruleset.tables = {{.family = TableFamily::ip,
                       .name = "fw",
                       .tool = RulesetTool::iptables_legacy,
                       .chains = {{.name = "input"}}},
                      {.family = TableFamily::ip,
                       .name = "fw",
                       .chains = {{.name = "input", .rules = {{.handle = 3, .text = "drop"}}}}}};
    const auto culprit = traced_culprit(ruleset, {TableFamily::ip, "fw", "input", 3});
    ASSERT_TRUE(culprit);
    EXPECT_EQ(culprit->certainty, Certainty::certain);
    EXPECT_EQ(words_of(*culprit), "table ip fw, chain input, handle 3: drop");
    EXPECT_FALSE(traced_culprit(ruleset, {TableFamily::ip, "fw", "input", 4}));
    EXPECT_FALSE(traced_culprit(ruleset, {TableFamily::inet, "fw", "input", 3}));
    EXPECT_TRUE(traced_culprit(ruleset, {TableFamily::ip, "fw", "input", {}})->is_policy);
}

}  // namespace
}  // namespace flowstamp
