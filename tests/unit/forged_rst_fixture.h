// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the detector of forged resets share: one story, and what is told of it last.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"

namespace flowstamp::testing {

constexpr std::uint64_t bit(fs_signal signal) {
    return FS_SIGNAL_BIT(signal);
}

inline constexpr std::uint8_t kRstAck = FS_TCP_RST | FS_TCP_ACK;
inline constexpr std::uint32_t kHeeded = FS_CONTEXT_IN_WINDOW | FS_CONTEXT_EXACT;
/// What a kernel without the connection sends, asked by an ACK half a round trip ago.
inline constexpr std::uint32_t kStatelessAnswer =
    kHeeded | FS_CONTEXT_STATELESS | FS_CONTEXT_PROVOKED;
inline constexpr std::uint64_t kTwoFamilies = bit(FS_SIGNAL_NEARER) | bit(FS_SIGNAL_ID_ECHO);

class ForgedRstTest : public ::testing::Test, protected ForgedRstBench {
  protected:
    [[nodiscard]] fs_verdict verdict() const {
        return static_cast<fs_verdict>(sink.resets.back().judgement.verdict);
    }
    [[nodiscard]] fs_cause cause() const {
        return static_cast<fs_cause>(sink.resets.back().judgement.cause);
    }
    [[nodiscard]] fs_challenge challenge() const {
        return static_cast<fs_challenge>(sink.resets.back().judgement.challenge);
    }
    Story story;
};

}  // namespace flowstamp::testing
