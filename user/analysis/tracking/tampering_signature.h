// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "flowstamp/flow.h"
#include "user/analysis/reset/reset_tally.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// The 19 passive tampering signatures of Raman et al., "Global, Passive Detection of Connection
/// Tampering" (SIGCOMM 2023): how a connection ends when a middlebox ends it. Patterns that are
/// compatible with tampering, no verdict: scanners, aborts and hosts that go offline look the same.
enum class TamperingSignature {
    syn_none,
    syn_rst,
    syn_rst_ack,
    syn_rst_and_rst_ack,
    ack_none,
    ack_rst,
    ack_rsts,
    ack_rst_ack,
    ack_rst_acks,
    psh_none,
    psh_rst,
    psh_rst_ack,
    psh_rst_and_rst_ack,
    psh_rst_acks,
    psh_rsts_one_ack,
    psh_rsts_other_acks,
    psh_rsts_one_zero,
    later_rst,
    later_rst_ack,
};
inline constexpr std::size_t kTamperingSignatures = 19;

/// A signature, and the end whose packets show it.
struct SignatureMatch {
    TamperingSignature signature;
    unsigned end;  ///< that reset first, or went silent; an index of the flow's key
    friend bool operator==(const SignatureMatch&, const SignatureMatch&) = default;
};

/// How long the opener must have sent nothing before that counts as silence.
inline constexpr Nanoseconds kTamperingSilence = std::chrono::seconds(10);

/// The signature of the flow's end. `flow` is its slot at the end, `resets` its resets, and `now`
/// (CLOCK_MONOTONIC, or the capture's clock) when it was read. nullopt if none fits: both ends sent
/// FIN, or one did before the first reset; the other end refused the SYN; nothing answered the
/// opener.
[[nodiscard]] std::optional<SignatureMatch> tampering_signature(
    const fst_flow& flow, const std::optional<ResetTally>& resets, Nanoseconds now);

/// "post-syn:RST;RST+ACK", "post-psh:RST!=RST", "later:RST": the paper's notation in ASCII.
[[nodiscard]] std::string_view name_of(TamperingSignature signature);

}  // namespace flowstamp::analysis
