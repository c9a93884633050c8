// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Shared by the tests of the detector of forged resets: one script, and the latest report on it.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"

namespace flowstamp::testing {

constexpr std::uint64_t bit(fst_signal signal) {
    return FST_SIGNAL_BIT(signal);
}

inline constexpr std::uint8_t kRstAck = FST_TCP_RST | FST_TCP_ACK;
inline constexpr std::uint32_t kAccepted = FST_CONTEXT_IN_WINDOW | FST_CONTEXT_EXACT;
/// The answer of a kernel without the connection to an ACK sent half a round trip ago.
inline constexpr std::uint32_t kStatelessAnswer =
    kAccepted | FST_CONTEXT_STATELESS | FST_CONTEXT_PROVOKED;
inline constexpr std::uint64_t kTwoFamilies = bit(FST_SIGNAL_NEARER) | bit(FST_SIGNAL_ID_ECHO);

class ForgedRstTest : public ::testing::Test, protected ForgedRstBench {
  protected:
    [[nodiscard]] fst_verdict verdict() const {
        return static_cast<fst_verdict>(sink.resets.back().judgement.verdict);
    }
    [[nodiscard]] fst_cause cause() const {
        return static_cast<fst_cause>(sink.resets.back().judgement.cause);
    }
    [[nodiscard]] fst_challenge challenge() const {
        return static_cast<fst_challenge>(sink.resets.back().judgement.challenge);
    }
    FlowScript script;
};

}  // namespace flowstamp::testing
