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
/// Tampering" (SIGCOMM 2023): how a connection's end looks when something on the way has ended it. A
/// pattern, compatible with tampering, and no verdict: scanners, aborts and lost hosts look so, too.
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

/// A signature, and whose packets bear it.
struct SignatureMatch {
    TamperingSignature signature;
    unsigned end;  ///< who reset first, or fell silent; an index of the flow's key
    friend bool operator==(const SignatureMatch&, const SignatureMatch&) = default;
};

/// For so long the opener must have been silent before its silence is one.
inline constexpr Nanoseconds kTamperingSilence = std::chrono::seconds(10);

/// What the flow's end looks like. `flow` is its slot at the end, `resets` what came before it, and
/// `now` (CLOCK_MONOTONIC, or the capture's clock) the time of the last look. Nothing where none of
/// the signatures fits: both ends said FIN, or one did before the first reset; the other end refused
/// the SYN; nobody answered what the opener sent.
[[nodiscard]] std::optional<SignatureMatch> tampering_signature(
    const fst_flow& flow, const std::optional<ResetTally>& resets, Nanoseconds now);

/// "post-syn:RST;RST+ACK", "post-psh:RST!=RST", "later:RST": the paper's signs in ASCII.
[[nodiscard]] std::string_view name_of(TamperingSignature signature);

}  // namespace flowstamp::analysis
