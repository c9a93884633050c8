// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/tampering_signature.h"

#include "flowstamp/acceptance_rules.h"
#include "user/net/names.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

using enum TamperingSignature;

bool has(const fst_flow& flow, std::uint32_t bit, unsigned end) {
    return flow.state & FST_OF(bit, end);
}

std::optional<TamperingSignature> after_psh(const ResetTally& resets) {
    if (resets.bare != 0 && resets.with_ack != 0) {
        return psh_rst_and_rst_ack;
    }
    if (resets.bare == 0) {
        return resets.with_ack == 1 ? psh_rst_ack : psh_rst_acks;
    }
    if (resets.bare == 1) {
        return psh_rst;
    }
    if (!resets.acks_differ) {
        return psh_rsts_one_ack;
    }
    return resets.ack_zero ? psh_rsts_one_zero : psh_rsts_other_acks;
}

/// The order of the resets does not count: the network may have changed it.
std::optional<TamperingSignature> of_resets(const ResetTally& resets) {
    const bool mixed = resets.bare != 0 && resets.with_ack != 0;
    switch (*resets.stage) {
        case HandshakeStage::syn:
            return mixed ? syn_rst_and_rst_ack : resets.bare != 0 ? syn_rst : syn_rst_ack;
        case HandshakeStage::ack:
            if (mixed) {
                return std::nullopt;
            }
            return resets.with_ack == 1  ? ack_rst_ack
                   : resets.with_ack > 1 ? ack_rst_acks
                   : resets.bare == 1    ? ack_rst
                                         : ack_rsts;
        case HandshakeStage::psh:
            return after_psh(resets);
        case HandshakeStage::later:
            break;
    }
    if (mixed) {
        return std::nullopt;
    }
    return resets.bare != 0 ? later_rst : later_rst_ack;
}

/// The opener's last packet was its SYN, its ACK or its first data, sent once; the other end
/// answered, and nothing followed.
std::optional<TamperingSignature> of_silence(const fst_flow& flow, unsigned opener) {
    const fst_direction& own = flow.direction[opener];
    const fst_direction& other = flow.direction[opener ^ 1U];
    const std::optional<HandshakeStage> stage = stage_of(flow);
    if (!stage || own.retransmitted != 0 || !has(flow, FST_FLOW_SYN_ACK, opener ^ 1U)) {
        return std::nullopt;
    }
    if (*stage == HandshakeStage::syn) {
        return own.packets == 1 ? std::optional(syn_none) : std::nullopt;
    }
    if (*stage == HandshakeStage::ack) {
        return own.packets == 2 ? std::optional(ack_none) : std::nullopt;
    }
    const std::vector<fst_stamp> stamps = net::stamps_of(own);
    const bool ends_with_data = !stamps.empty() && (stamps.back().tcp_flags & FST_TCP_PSH);
    const bool is_answered = other.last_ns >= own.last_ns && other.ack_edge == own.seq_edge;
    return *stage == HandshakeStage::psh && ends_with_data && is_answered ? std::optional(psh_none)
                                                                          : std::nullopt;
}

}  // namespace

std::optional<SignatureMatch> tampering_signature(const fst_flow& flow,
                                                  const std::optional<ResetTally>& resets,
                                                  Nanoseconds now) {
    const unsigned opener = net::opener_of(flow);
    if (resets) {
        const bool refused = resets->stage == HandshakeStage::syn && resets->end != opener &&
                             !has(flow, FST_FLOW_SYN_ACK, resets->end);
        const bool closed = fst_both_fins(flow.state) != 0;
        if (!resets->stage || resets->after_fin || refused || closed) {
            return std::nullopt;
        }
        const auto signature = of_resets(*resets);
        return signature ? std::optional(SignatureMatch{*signature, resets->end}) : std::nullopt;
    }
    const Nanoseconds last(static_cast<std::int64_t>(flow.direction[opener].last_ns));
    const bool was_reset = fst_any_rst(flow.state) != 0;
    if (was_reset || has(flow, FST_FLOW_FIN, opener) || now - last < kTamperingSilence) {
        return std::nullopt;
    }
    const auto signature = of_silence(flow, opener);
    return signature ? std::optional(SignatureMatch{*signature, opener}) : std::nullopt;
}

std::string_view name_of(TamperingSignature signature) {
    static constexpr std::array<std::string_view, kTamperingSignatures> kNames = {
        "post-syn:none",
        "post-syn:RST",
        "post-syn:RST+ACK",
        "post-syn:RST;RST+ACK",
        "post-ack:none",
        "post-ack:RST",
        "post-ack:RST;RST",
        "post-ack:RST+ACK",
        "post-ack:RST+ACK;RST+ACK",
        "post-psh:none",
        "post-psh:RST",
        "post-psh:RST+ACK",
        "post-psh:RST;RST+ACK",
        "post-psh:RST+ACK;RST+ACK",
        "post-psh:RST=RST",
        "post-psh:RST!=RST",
        "post-psh:RST;RST0",
        "later:RST",
        "later:RST+ACK"};
    return kNames[static_cast<std::size_t>(signature)];
}

}  // namespace flowstamp::analysis
