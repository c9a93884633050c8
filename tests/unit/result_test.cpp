// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace flowstamp {
namespace {

TEST(Error, HasOperationObjectReasonAndHintInOneLine) {
    const Error error{.operation = "attach",
                      .object = "eth7",
                      .errno_value = ENODEV,
                      .reason = "no such interface",
                      .hint = "list them with `ip link`"};
    EXPECT_EQ(error.message(), "eth7: attach: no such interface; list them with `ip link`");
}

TEST(Error, FallsBackToTheSystemsText) {
    const Error error{
        .operation = "open", .object = "/x", .errno_value = ENOENT, .reason = {}, .hint = {}};
    EXPECT_EQ(error.message(), "/x: open: no such file or directory");
}

TEST(Error, LeavesOutEmptyParts) {
    EXPECT_EQ(
        (Error{.operation = {}, .object = "eth0", .errno_value = 0, .reason = "is down", .hint = {}}
             .message()),
        "eth0: is down");
    EXPECT_EQ(Error{}.message(), "failed");
}

TEST(Error, StaysOnOneLine) {
    const Error error{.operation = "load",
                      .object = "probe",
                      .errno_value = 0,
                      .reason = "line one\nline two",
                      .hint = {}};
    EXPECT_EQ(error.message(), "probe: load: line one line two");
}

TEST(Error, AcceptsLibbpfsNegativeErrno) {
    const Status status = fail_errno("attach", "lo", -EBUSY, "detach it");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().errno_value, EBUSY);
    EXPECT_EQ(status.error().message(), "lo: attach: device or resource busy; detach it");
}

TEST(Result, CarriesMoveOnlyValues) {
    const auto make = [](bool good) -> Result<std::unique_ptr<int>> {
        if (!good) {
            return fail({.operation = "make",
                         .object = {},
                         .errno_value = 0,
                         .reason = "requested",
                         .hint = {}});
        }
        return std::make_unique<int>(7);
    };
    EXPECT_EQ(**make(true), 7);
    EXPECT_EQ(make(false).error().operation, "make");
}

}  // namespace
}  // namespace flowstamp
