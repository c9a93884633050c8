// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <gtest/gtest.h>

#include "user/cmd/doctor/check.h"
#include "user/kernel/attach/xdp_cost.h"

namespace flowstamp {
namespace {

using cmd::CheckStatus;

TEST(Doctor, SaysHowManyFlowsTheMemoryHolds) {
    const cmd::Check much = cmd::check_memory(
        "MemTotal:       16000000 kB\nMemFree:         1000 kB\nMemAvailable:    8000000 kB\n");
    EXPECT_EQ(much.status, CheckStatus::ok);
    EXPECT_EQ(much.text,
              "65536 take 32 MB; of the 8192 MB available a quarter holds --max-flows 2097152");
    const cmd::Check little = cmd::check_memory("MemAvailable: 64000 kB\n");
    EXPECT_EQ(little.status, CheckStatus::limited);
    EXPECT_EQ(little.text, "65536 take 32 MB, and only 65 MB are available: --max-flows 32768");
    EXPECT_EQ(cmd::check_memory("").status, CheckStatus::ok);
}

TEST(Doctor, KnowsWhatDriversDoWhenXdpAttaches) {
    EXPECT_NE(kernel::xdp_attach_effect({.name = "a", .driver = "i40e"}).find("link is down"),
              std::string_view::npos);
    EXPECT_EQ(kernel::xdp_attach_effect({.name = "a", .driver = "veth"}), "");
}

}  // namespace
}  // namespace flowstamp
