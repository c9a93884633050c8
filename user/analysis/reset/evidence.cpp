// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/reset/evidence.h"

#include <fmt/format.h>

#include <array>

#include "user/base/clock.h"
#include "user/base/time_text.h"
#include "user/net/names.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

/// What the words of one RST's evidence are taken from.
struct Subject {
    const fst_packet& rst;
    const fst_direction& own;    ///< what the RST's alleged sender sent before
    const fst_direction& other;  ///< what the other end sent before
    const fst_flow& slot;
    const LaterEvidence& later;
};

struct Words {
    std::string packet{};
    std::optional<std::string> baseline{};
};

std::string id_text(std::uint16_t id) {
    return id == 0 ? "0" : fmt::format("{:#06x}", id);
}

std::string mac_text(const std::uint8_t (&mac)[6]) {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                       mac[4], mac[5]);
}

std::optional<std::string> unless_empty(std::string text) {
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

/// "23 ms later", or "23 ms earlier".
std::string when(const fst_packet& rst, const fst_packet& other) {
    const auto apart = Nanoseconds(static_cast<std::int64_t>(other.time_ns - rst.time_ns));
    return apart < Nanoseconds::zero() ? duration_text(-apart) + " earlier"
                                       : duration_text(apart) + " later";
}

std::string own_ids(const Subject& it) {
    return fmt::format("latest {}, {}", id_text(it.own.ip_id),
                       net::id_class_name(fst_id_class_of(&it.own)));
}

std::string df_text(bool df) {
    return df ? "DF set" : "DF clear";
}

Words path_words(fst_signal signal, const Subject& it) {
    if (signal == FST_SIGNAL_TWO_PATHS && it.later.other_rst) {
        return {net::ttl_text(it.rst.ttl), "another RST: " + net::ttl_text(it.later.other_rst->ttl) + ", " +
                                          when(it.rst, *it.later.other_rst)};
    }
    if (signal == FST_SIGNAL_LEARNED_DISTANCE) {
        return {net::ttl_text(it.rst.ttl), "where that injector stands"};
    }
    return {net::ttl_text(it.rst.ttl), unless_empty(net::ttl_set_text(it.own))};
}

/// The packet of the other end whose IP-ID the RST bears, from its ring of stamps.
std::optional<std::string> echoed(const Subject& it) {
    for (const fst_stamp& stamp : net::stamps_of(it.other)) {
        if (stamp.ip_id == it.rst.ip_id) {
            const auto age = Nanoseconds(it.rst.time_ns) - net::time_of(stamp, it.other);
            return fmt::format("{} on the other end's packet {} earlier", id_text(stamp.ip_id),
                               duration_text(age));
        }
    }
    return std::nullopt;
}

Words id_words(fst_signal signal, const Subject& it) {
    switch (signal) {
        case FST_SIGNAL_ID_ECHO:
            return {id_text(it.rst.ip_id), echoed(it)};
        case FST_SIGNAL_LEARNED_SIGNATURE:
            return {fmt::format("IP-ID {}, window {}", id_text(it.rst.ip_id), it.rst.window),
                    "an injector that was seen here before"};
        case FST_SIGNAL_ID_ZERO_NO_DF:
            return {"IP-ID 0, DF clear",
                    fmt::format("{}, {}", own_ids(it), df_text(it.own.flags & FST_DIRECTION_DF))};
        default:
            return {id_text(it.rst.ip_id), own_ids(it)};
    }
}

Words life_words(fst_signal signal, const Subject& it) {
    const LaterEvidence& later = it.later;
    if (signal == FST_SIGNAL_LIVENESS_ACK && later.liveness_ack) {
        return {it.rst.tcp_flags & FST_TCP_ACK ? fmt::format("acknowledges up to {}", it.rst.ack)
                                              : std::string("acknowledges nothing"),
                fmt::format("acknowledged {}, sent after the reset, {}", later.liveness_ack->ack,
                            when(it.rst, *later.liveness_ack))};
    }
    if (signal == FST_SIGNAL_LIVENESS_CLOCK && later.liveness_clock) {
        return {
            it.rst.flags & FST_PACKET_TS ? fmt::format("TSval {}", it.rst.ts_val)
                                        : fmt::format("after TSval {}", it.own.ts_val),
            fmt::format("TSval {}, {}", later.liveness_clock->ts_val, when(it.rst, *later.liveness_clock))};
    }
    if (signal == FST_SIGNAL_LIVENESS_ID && later.liveness_id) {
        return {id_text(it.rst.ip_id),
                fmt::format("{} on a segment that is no reset, {}", id_text(later.liveness_id->ip_id),
                            when(it.rst, *later.liveness_id))};
    }
    if (signal == FST_SIGNAL_LIVENESS_DATA && later.liveness_data) {
        return {fmt::format("seq {}", it.rst.seq),
                fmt::format("{} bytes of data at seq {}, {}", later.liveness_data->payload,
                            later.liveness_data->seq, when(it.rst, *later.liveness_data))};
    }
    if (signal == FST_SIGNAL_BEYOND_WINDOW && later.beyond_window) {
        return {"a sender that is gone hears no ACK",
                fmt::format("more data than the window held, {}", when(it.rst, *later.beyond_window))};
    }
    return {"a reset", "its sender went on"};
}

Words proof_words(fst_signal signal, const Subject& it) {
    const LaterEvidence& later = it.later;
    if (signal == FST_SIGNAL_SYN_RST) {
        return {"a reset to the SYN", later.syn_ack ? fmt::format("a SYN-ACK to the same SYN, {}",
                                                                  when(it.rst, *later.syn_ack))
                                                    : std::string("a SYN-ACK to the same SYN")};
    }
    if (signal == FST_SIGNAL_SEQ_CHANGE) {
        return {fmt::format("seq {}", it.rst.seq),
                later.other_rst ? fmt::format("another RST, seq {}, {}", later.other_rst->seq,
                                              when(it.rst, *later.other_rst))
                                : std::string("another RST")};
    }
    return {"asked whether it meant it",
            later.refuted ? fmt::format("went on {}", when(it.rst, *later.refuted))
                          : std::string("went on")};
}

/// How long before the RST the data had left that it acknowledges.
Words time_words(const Subject& it) {
    const auto rst_us = static_cast<std::uint32_t>(it.rst.time_ns / 1000);
    const auto age = std::chrono::microseconds(rst_us - it.other.edge_us);
    return {fmt::format("acknowledges data that left {} before", duration_text(age)),
            fmt::format("least round trip {}",
                        duration_text(std::chrono::microseconds(it.own.min_rtt_us)))};
}

Words window_words(fst_signal signal, const Subject& it) {
    if (signal == FST_SIGNAL_WINDOW_ECHO) {
        return {std::to_string(it.rst.window), fmt::format("the other end's latest {}; its own {}",
                                                           it.other.window, it.own.window)};
    }
    return {std::to_string(it.rst.window), fmt::format("latest {}", it.own.window)};
}

Words timestamp_words(fst_signal signal, const Subject& it) {
    if (signal == FST_SIGNAL_TIMESTAMPS_VALID) {
        return {fmt::format("TSval {}, TSecr {}", it.rst.ts_val, it.rst.ts_ecr),
                fmt::format("latest TSval {}", it.own.ts_val)};
    }
    return {"no timestamps", fmt::format("latest TSval {}", it.own.ts_val)};
}

Words words_of(fst_signal signal, const Subject& it) {
    switch (signal) {
        case FST_SIGNAL_LIVENESS_ACK:
        case FST_SIGNAL_LIVENESS_CLOCK:
        case FST_SIGNAL_LIVENESS_ID:
        case FST_SIGNAL_BEYOND_WINDOW:
        case FST_SIGNAL_LIVENESS_DATA:
            return life_words(signal, it);
        case FST_SIGNAL_SYN_RST:
        case FST_SIGNAL_SEQ_CHANGE:
        case FST_SIGNAL_REFUTED:
            return proof_words(signal, it);
        case FST_SIGNAL_NEARER:
        case FST_SIGNAL_FARTHER:
        case FST_SIGNAL_TTL_BASE:
        case FST_SIGNAL_TWO_PATHS:
        case FST_SIGNAL_LEARNED_DISTANCE:
        case FST_SIGNAL_ONE_HOP:
            return path_words(signal, it);
        case FST_SIGNAL_ACK_TOO_SOON:
        case FST_SIGNAL_ACK_SOON:
            return time_words(it);
        case FST_SIGNAL_WINDOW_FOREIGN:
        case FST_SIGNAL_WINDOW_ECHO:
            return window_words(signal, it);
        case FST_SIGNAL_NO_TIMESTAMPS:
        case FST_SIGNAL_TIMESTAMPS_VALID:
            return timestamp_words(signal, it);
        case FST_SIGNAL_DATA:
            return {fmt::format("{} bytes of data", it.rst.payload), std::nullopt};
        case FST_SIGNAL_MAC_FOREIGN:
            return {mac_text(it.rst.src_mac), mac_text(it.slot.mac[it.rst.direction & 1U])};
        case FST_SIGNAL_DF_FLIPPED:
            return {df_text(it.rst.flags & FST_PACKET_DF), df_text(it.own.flags & FST_DIRECTION_DF)};
        default:
            return id_words(signal, it);
    }
}

constexpr int kSignals = FST_SIGNAL_ID_IN_SEQUENCE + 1;

}  // namespace

std::vector<Evidence> describe(const fst_packet& rst, const fst_judgement& judgement,
                               const fst_flow& slot, const LaterEvidence& later) {
    const unsigned sender = rst.direction & 1U;
    const Subject subject{rst, slot.direction[sender], slot.direction[sender ^ 1U], slot, later};
    std::vector<Evidence> all;
    for (int number = 0; number < kSignals; number++) {  // numbered by falling strength
        const auto signal = static_cast<fst_signal>(number);
        if (judgement.signals & FST_SIGNAL_BIT(signal)) {
            Words words = words_of(signal, subject);
            all.push_back({signal_name(signal), strength_of(signal), std::move(words.packet),
                           std::move(words.baseline)});
        }
    }
    return all;
}

}  // namespace flowstamp::analysis
