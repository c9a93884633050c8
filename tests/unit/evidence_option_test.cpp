// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/evidence_option.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "user/cmd/options.h"

namespace flowstamp {
namespace {

/// The error of such a command line; empty: there is none.
std::string error_of(const std::vector<std::string>& arguments) {
    const auto parsed = cmd::parse(arguments);
    return parsed ? "" : parsed.error().line;
}

TEST(EvidenceOption, SizesHaveUnits) {
    EXPECT_EQ(cmd::parse_size("4096"), 4096U);
    EXPECT_EQ(cmd::parse_size("500k"), 500U << 10);
    EXPECT_EQ(cmd::parse_size("64M"), 64U << 20);
    EXPECT_EQ(cmd::parse_size("2G"), 2ULL << 30);
    for (const char* wrong : {"", "M", "0", "-1", "1.5M", "64MB", "64 M", "99999999999999999999",
                              "18446744073709551615k"}) {
        EXPECT_FALSE(cmd::parse_size(wrong)) << wrong;
    }
}

TEST(EvidenceOption, WhatCannotBeIsSaid) {
    EXPECT_EQ(error_of({"replay", "x.pcap", "--evidence", "d", "--evidence-max", "lots"}),
              "--evidence-max lots: not a size; give one like 500k, 64M or 2G");
    EXPECT_EQ(error_of({"replay", "x.pcap", "--evidence", "d", "--snaplen", "257"}),
              "--snaplen 257: not a number of bytes; choose 1 to 256");
    EXPECT_EQ(error_of({"replay", "x.pcap", "--snaplen", "100"}),
              "replay: --snaplen is about evidence; give --evidence DIR as well");
    EXPECT_EQ(error_of({"replay", "x.pcap", "--evidence", "d", "--snaplen", "100"}), "");
    EXPECT_EQ(error_of({"replay", "x.pcap", "--anonymize", "key"}),
              "replay: --anonymize is about evidence; give --evidence DIR as well");
    EXPECT_EQ(error_of({"watch", "-i", "eth0", "--anonymize", "key"}),
              "watch: --anonymize is about evidence; give --evidence DIR as well");
    EXPECT_EQ(
        error_of({"replay", "x.pcap", "--evidence", "d", "--snaplen", "100", "--anonymize", "key"}),
        "replay: --snaplen keeps what was said, and that may hold addresses; leave it out "
        "with --anonymize");
    EXPECT_EQ(error_of({"replay", "x.pcap", "--evidence", "d", "--anonymize", "key"}), "");
    EXPECT_EQ(error_of({"watch", "-i", "eth0", "--evidence", "d", "--evidence-max", "1G"}), "");
}

}  // namespace
}  // namespace flowstamp
