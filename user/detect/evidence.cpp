// SPDX-License-Identifier: Apache-2.0
#include "user/detect/evidence.h"

#include <fmt/format.h>

#include <array>

#include "user/base/clock.h"
#include "user/base/time_text.h"
#include "user/flow/names.h"
#include "user/flow/stamps.h"

namespace flowstamp {

namespace {

/// What the words of one RST's evidence are taken from.
struct Subject {
    const fs_packet& rst;
    const fs_direction& own;    ///< what the RST's alleged sender sent before
    const fs_direction& other;  ///< what the other end sent before
    const fs_flow& slot;
    const LaterSigns& later;
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
std::string when(const fs_packet& rst, const fs_packet& other) {
    const auto apart = Nanoseconds(static_cast<std::int64_t>(other.time_ns - rst.time_ns));
    return apart < Nanoseconds::zero() ? duration_text(-apart) + " earlier"
                                       : duration_text(apart) + " later";
}

std::string own_ids(const Subject& it) {
    return fmt::format("latest {}, {}", id_text(it.own.ip_id),
                       id_class_name(fs_id_class_of(&it.own)));
}

std::string df_text(bool df) {
    return df ? "DF set" : "DF clear";
}

Words path_words(fs_signal signal, const Subject& it) {
    if (signal == FS_SIGNAL_TWO_PATHS && it.later.other_rst) {
        return {ttl_text(it.rst.ttl), "another RST: " + ttl_text(it.later.other_rst->ttl) + ", " +
                                          when(it.rst, *it.later.other_rst)};
    }
    if (signal == FS_SIGNAL_TAUGHT_HOPS) {
        return {ttl_text(it.rst.ttl), "where that injector stands"};
    }
    return {ttl_text(it.rst.ttl), unless_empty(ttl_set_text(it.own))};
}

/// The packet of the other end whose IP-ID the RST bears, from its ring of stamps.
std::optional<std::string> echoed(const Subject& it) {
    for (const fs_stamp& stamp : stamps_of(it.other)) {
        if (stamp.ip_id == it.rst.ip_id) {
            const auto age = Nanoseconds(it.rst.time_ns) - time_of(stamp, it.other);
            return fmt::format("{} on the other end's packet {} earlier", id_text(stamp.ip_id),
                               duration_text(age));
        }
    }
    return std::nullopt;
}

Words id_words(fs_signal signal, const Subject& it) {
    switch (signal) {
        case FS_SIGNAL_ID_ECHO:
            return {id_text(it.rst.ip_id), echoed(it)};
        case FS_SIGNAL_TAUGHT:
            return {fmt::format("IP-ID {}, window {}", id_text(it.rst.ip_id), it.rst.window),
                    "an injector that was seen here before"};
        case FS_SIGNAL_ID_ZERO_NO_DF:
            return {"IP-ID 0, DF clear",
                    fmt::format("{}, {}", own_ids(it), df_text(it.own.flags & FS_DIRECTION_DF))};
        default:
            return {id_text(it.rst.ip_id), own_ids(it)};
    }
}

Words life_words(fs_signal signal, const Subject& it) {
    const LaterSigns& later = it.later;
    if (signal == FS_SIGNAL_LIFE_ACK && later.life_ack) {
        return {it.rst.tcp_flags & FS_TCP_ACK ? fmt::format("acknowledges up to {}", it.rst.ack)
                                              : std::string("acknowledges nothing"),
                fmt::format("acknowledged {}, sent after the reset, {}", later.life_ack->ack,
                            when(it.rst, *later.life_ack))};
    }
    if (signal == FS_SIGNAL_LIFE_CLOCK && later.life_clock) {
        return {
            it.rst.flags & FS_PACKET_TS ? fmt::format("TSval {}", it.rst.ts_val)
                                        : fmt::format("after TSval {}", it.own.ts_val),
            fmt::format("TSval {}, {}", later.life_clock->ts_val, when(it.rst, *later.life_clock))};
    }
    if (signal == FS_SIGNAL_LIFE_ID && later.life_id) {
        return {id_text(it.rst.ip_id),
                fmt::format("{} on a segment that is no reset, {}", id_text(later.life_id->ip_id),
                            when(it.rst, *later.life_id))};
    }
    if (signal == FS_SIGNAL_LIFE_DATA && later.life_data) {
        return {fmt::format("seq {}", it.rst.seq),
                fmt::format("{} bytes of data at seq {}, {}", later.life_data->payload,
                            later.life_data->seq, when(it.rst, *later.life_data))};
    }
    if (signal == FS_SIGNAL_LIFE_LASTS && later.life_lasts) {
        return {"a sender that is gone hears no ACK",
                fmt::format("more data than the window held, {}", when(it.rst, *later.life_lasts))};
    }
    return {"a reset", "its sender went on"};
}

Words proof_words(fs_signal signal, const Subject& it) {
    const LaterSigns& later = it.later;
    if (signal == FS_SIGNAL_SYN_RST) {
        return {"a reset to the SYN", later.syn_ack ? fmt::format("a SYN-ACK to the same SYN, {}",
                                                                  when(it.rst, *later.syn_ack))
                                                    : std::string("a SYN-ACK to the same SYN")};
    }
    if (signal == FS_SIGNAL_SEQ_CHANGE) {
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

Words window_words(fs_signal signal, const Subject& it) {
    if (signal == FS_SIGNAL_WINDOW_ECHO) {
        return {std::to_string(it.rst.window), fmt::format("the other end's latest {}; its own {}",
                                                           it.other.window, it.own.window)};
    }
    return {std::to_string(it.rst.window), fmt::format("latest {}", it.own.window)};
}

Words timestamp_words(fs_signal signal, const Subject& it) {
    if (signal == FS_SIGNAL_VOUCH_TS) {
        return {fmt::format("TSval {}, TSecr {}", it.rst.ts_val, it.rst.ts_ecr),
                fmt::format("latest TSval {}", it.own.ts_val)};
    }
    return {"no timestamps", fmt::format("latest TSval {}", it.own.ts_val)};
}

Words words_of(fs_signal signal, const Subject& it) {
    switch (signal) {
        case FS_SIGNAL_LIFE_ACK:
        case FS_SIGNAL_LIFE_CLOCK:
        case FS_SIGNAL_LIFE_ID:
        case FS_SIGNAL_LIFE_LASTS:
        case FS_SIGNAL_LIFE_DATA:
            return life_words(signal, it);
        case FS_SIGNAL_SYN_RST:
        case FS_SIGNAL_SEQ_CHANGE:
        case FS_SIGNAL_REFUTED:
            return proof_words(signal, it);
        case FS_SIGNAL_NEARER:
        case FS_SIGNAL_FARTHER:
        case FS_SIGNAL_TTL_BASE:
        case FS_SIGNAL_TWO_PATHS:
        case FS_SIGNAL_TAUGHT_HOPS:
        case FS_SIGNAL_ONE_HOP:
            return path_words(signal, it);
        case FS_SIGNAL_ACK_TOO_SOON:
        case FS_SIGNAL_ACK_SOON:
            return time_words(it);
        case FS_SIGNAL_WINDOW_FOREIGN:
        case FS_SIGNAL_WINDOW_ECHO:
            return window_words(signal, it);
        case FS_SIGNAL_NO_TIMESTAMPS:
        case FS_SIGNAL_VOUCH_TS:
            return timestamp_words(signal, it);
        case FS_SIGNAL_DATA:
            return {fmt::format("{} bytes of data", it.rst.payload), std::nullopt};
        case FS_SIGNAL_MAC_FOREIGN:
            return {mac_text(it.rst.src_mac), mac_text(it.slot.mac[it.rst.direction & 1U])};
        case FS_SIGNAL_DF_FLIPPED:
            return {df_text(it.rst.flags & FS_PACKET_DF), df_text(it.own.flags & FS_DIRECTION_DF)};
        default:
            return id_words(signal, it);
    }
}

constexpr int kSignals = FS_SIGNAL_VOUCH_ID + 1;

}  // namespace

std::vector<Evidence> describe(const fs_packet& rst, const fs_judgement& judgement,
                               const fs_flow& slot, const LaterSigns& later) {
    const unsigned sender = rst.direction & 1U;
    const Subject subject{rst, slot.direction[sender], slot.direction[sender ^ 1U], slot, later};
    std::vector<Evidence> all;
    for (int number = 0; number < kSignals; number++) {  // numbered by falling strength
        const auto signal = static_cast<fs_signal>(number);
        if (judgement.signals & FS_SIGNAL_BIT(signal)) {
            Words words = words_of(signal, subject);
            all.push_back({signal_name(signal), strength_of(signal), std::move(words.packet),
                           std::move(words.baseline)});
        }
    }
    return all;
}

}  // namespace flowstamp
