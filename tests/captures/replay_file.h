// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/support/replayed.h"
#include "user/base/result.h"
#include "user/cmd/replay/replay_datapath.h"

namespace flowstamp::testing {

/// Replays a capture file to its end; the test fails if it cannot be read.
inline Replayed replay_file(const std::string& path,
                            Result<std::unique_ptr<cmd::ReplayPath>> backend) {
    Replayed replayed;
    auto source = net::open_file(path);
    if (!source || !backend) {
        ADD_FAILURE() << (source ? backend.error() : source.error()).message();
        return replayed;
    }
    replayed = replay(std::move(*source), **backend);
    EXPECT_TRUE(replayed.read) << replayed.read.error().message();
    return replayed;
}

}  // namespace flowstamp::testing
