// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Forged segments, trait by trait. Pure: what is known of a connection in, bytes out.
//
// A Forgery describes a forged segment; every trait is independent and can be combined with every
// other:
//
//     Forgery crude{.ttl = Ttl::absolute(255), .ip_id = IpId::constant(0x3412)};
//     Forgery careful = as_stateless_reset();
//     careful.tos = Tos::constant(0);
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "user/lab/flow_memory.h"
#include "user/lab/segment.h"

namespace flowstamp::lab {

/// The TTL (or hop limit) of the forged segment when it leaves the injector's router.
struct Ttl {
    enum class Mode : std::uint8_t {
        Absolute,
        AsPeer,  ///< as the impersonated side's last segment; `value` if it sent none
    };
    Mode mode = Mode::Absolute;
    std::uint8_t value = 64;

    static constexpr Ttl absolute(std::uint8_t value) { return {Mode::Absolute, value}; }
    static constexpr Ttl as_peer() { return {Mode::AsPeer, 64}; }
};

/// The identification field of the IPv4 header; IPv6 has none.
struct IpId {
    enum class Mode : std::uint8_t {
        Constant,
        EchoReceiver,    ///< the last ID that the receiver of the forgery sent
        ContinueSender,  ///< the impersonated side's last ID, plus 1, 2, ... per forged segment
        Random,
    };
    Mode mode = Mode::Constant;
    std::uint16_t value = 0;

    static constexpr IpId constant(std::uint16_t value) { return {Mode::Constant, value}; }
    static constexpr IpId echo_receiver() { return {Mode::EchoReceiver, 0}; }
    static constexpr IpId continue_sender() { return {Mode::ContinueSender, 0}; }
    static constexpr IpId random() { return {Mode::Random, 0}; }
};

/// The sequence number. The n-th forged segment of a series adds n times `step`.
struct Seq {
    enum class Mode : std::uint8_t {
        NextExpected,  ///< one past the last byte that the impersonated side was seen to send
        ReceiverAck,   ///< the receiver's latest acknowledgement number, as in a stateless RST
        Absolute,
    };
    Mode mode = Mode::NextExpected;
    std::uint32_t offset = 0;  ///< added; in Absolute, the number itself
    std::uint32_t step = 0;

    static constexpr Seq next_expected(std::uint32_t offset = 0) {
        return {Mode::NextExpected, offset, 0};
    }
    static constexpr Seq receiver_ack(std::uint32_t offset = 0) {
        return {Mode::ReceiverAck, offset, 0};
    }
    static constexpr Seq absolute(std::uint32_t value) { return {Mode::Absolute, value, 0}; }
    constexpr Seq stepping(std::uint32_t bytes) const { return {mode, offset, bytes}; }
};

/// The acknowledgement number.
struct AckNumber {
    enum class Mode : std::uint8_t {
        Zero,
        NextExpected,  ///< one past everything that the receiver was seen to send
        Copied,        ///< the impersonated side's latest
    };
    Mode mode = Mode::NextExpected;
    std::uint32_t offset = 0;

    static constexpr AckNumber zero() { return {Mode::Zero, 0}; }
    static constexpr AckNumber next_expected(std::uint32_t offset = 0) {
        return {Mode::NextExpected, offset};
    }
    static constexpr AckNumber copied() { return {Mode::Copied, 0}; }
};

/// The window field, unscaled.
struct Window {
    enum class Mode : std::uint8_t {
        Constant,
        EchoReceiver,  ///< the receiver's latest
        CopySender,    ///< the impersonated side's latest
    };
    Mode mode = Mode::Constant;
    std::uint16_t value = 0;

    static constexpr Window constant(std::uint16_t value) { return {Mode::Constant, value}; }
    static constexpr Window echo_receiver() { return {Mode::EchoReceiver, 0}; }
    static constexpr Window copy_sender() { return {Mode::CopySender, 0}; }
};

/// The timestamps option (RFC 7323).
struct TimestampTrait {
    enum class Mode : std::uint8_t {
        None,
        Copied,  ///< the impersonated side's latest, still valid
        Stale,   ///< the same, but TSval reduced by `ticks`
    };
    Mode mode = Mode::None;
    std::uint32_t ticks = 0;

    static constexpr TimestampTrait none() { return {}; }
    static constexpr TimestampTrait copied() { return {Mode::Copied, 0}; }
    static constexpr TimestampTrait stale(std::uint32_t ticks) { return {Mode::Stale, ticks}; }
};

/// The IPv4 TOS byte or IPv6 traffic class.
struct Tos {
    enum class Mode : std::uint8_t { Constant, EchoReceiver, CopySender };
    Mode mode = Mode::Constant;
    std::uint8_t value = 0;

    static constexpr Tos constant(std::uint8_t value) { return {Mode::Constant, value}; }
    static constexpr Tos echo_receiver() { return {Mode::EchoReceiver, 0}; }
    static constexpr Tos copy_sender() { return {Mode::CopySender, 0}; }
};

/// The flow label of the IPv6 header, 20 bits; IPv4 has none.
struct FlowLabel {
    enum class Mode : std::uint8_t { Constant, CopySender, Random };
    Mode mode = Mode::Constant;
    std::uint32_t value = 0;

    static constexpr FlowLabel constant(std::uint32_t value) { return {Mode::Constant, value}; }
    static constexpr FlowLabel copy_sender() { return {Mode::CopySender, 0}; }
    static constexpr FlowLabel random() { return {Mode::Random, 0}; }
};

/// A forged segment. The defaults are those of many firewalls: a RST+ACK that acknowledges
/// everything, with the TTL of the firewall's own distance, IP-ID 0 and no options.
struct Forgery {
    std::uint8_t flags = Rst | Ack;
    Ttl ttl{};
    IpId ip_id{};
    bool dont_fragment = true;  ///< IPv4 only
    Seq seq{};
    AckNumber ack{};
    Window window{};
    TimestampTrait timestamps{};
    Tos tos{};
    FlowLabel flow_label{};                  ///< IPv6 only
    std::uint32_t payload_bytes = 0;         ///< filled with 'x'
    std::optional<MacAddress> source_mac{};  ///< unset: the router's own
};

/// What a Linux host answers to a segment for which it has no socket (tcp_v4_send_reset() of Linux
/// 6.18): a bare RST, its sequence number the segment's acknowledgement number, ID 0 with DF,
/// window 0, no options, the segment's TOS, and with the peer's TTL. In IPv6 the flow label is a
/// keyed hash, not a copy: here it is random.
Forgery as_stateless_reset();

/// The Ethernet addresses of the link on which a forged segment leaves.
struct Hop {
    MacAddress from;
    MacAddress to;
};

/// The complete forged segment, from the Ethernet header on, with valid checksums. `from` is the
/// impersonated side, `index` counts the segments of a series from 0. Nothing if too little of the
/// connection was seen to know the addresses.
std::optional<Frame> forge(const Forgery& forgery, const FlowMemory& flow, Side from,
                           const Hop& hop, unsigned index, std::mt19937& random);

/// Distance, in either direction, of a copied or constant IP-ID from the last one of the
/// impersonated side `from`; the maximum, 32768, for every other IP-ID trait, and in IPv6.
std::uint16_t id_gap(const Forgery& forgery, const FlowMemory& flow, Side from);

}  // namespace flowstamp::lab
