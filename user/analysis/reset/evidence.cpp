// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/evidence.h"

#include <array>

#include "flowstamp/hops.h"
#include "user/analysis/reset/path_values.h"
#include "user/base/clock.h"
#include "user/net/names.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

/// What the values of one RST's evidence are taken from.
struct Subject {
    const fst_packet& rst;
    const fst_direction& own;    ///< what the RST's alleged sender sent before
    const fst_direction& other;  ///< what the other end sent before
    const fst_flow& slot;
    const LaterEvidence& later;
};

struct Shown {
    Values observed{};
    std::optional<Values> baseline{};
};

std::optional<std::uint64_t> ip_id_of(const fst_packet& packet) {
    return packet.flags & FST_PACKET_IPV6 ? std::nullopt
                                          : std::optional<std::uint64_t>(packet.ip_id);
}

std::optional<std::string> id_class_of(const fst_direction& direction) {
    return std::string(net::id_class_name(fst_id_class_of(&direction)));
}

/// How long after the RST; negative: before it.
Nanoseconds after(const fst_packet& rst, const fst_packet& other) {
    return Nanoseconds(static_cast<std::int64_t>(other.time_ns - rst.time_ns));
}
FieldValue when(const fst_packet& rst, const fst_packet& other) {
    const Nanoseconds length = after(rst, other);
    return length < Nanoseconds::zero() ? field::earlier(-length) : field::later(length);
}

Shown path_values(fst_signal signal, const Subject& it) {
    const Values observed{field::ttl(it.rst.ttl), field::hops(fst_hops(it.rst.ttl))};
    if (signal == FST_SIGNAL_TWO_PATHS && it.later.other_rst) {
        const fst_packet& other = *it.later.other_rst;
        return {observed, Values{field::ttls({{other.ttl}}), field::hops(fst_hops(other.ttl)),
                                 when(it.rst, other)}};
    }
    return {observed, path_baseline(it.own)};
}

/// The packet of the other end whose IP-ID the RST has, from its ring of stamps.
std::optional<Values> echoed(const Subject& it) {
    for (const fst_stamp& stamp : net::stamps_of(it.other)) {
        if (stamp.ip_id == it.rst.ip_id) {
            const auto age = Nanoseconds(it.rst.time_ns) - net::time_of(stamp, it.other);
            return Values{field::ip_id(stamp.ip_id), field::earlier(age)};
        }
    }
    return std::nullopt;
}

Shown id_values(fst_signal signal, const Subject& it) {
    const Values observed{field::ip_id(ip_id_of(it.rst))};
    const FieldValue own_id = field::ip_id(it.own.ip_id);
    switch (signal) {
        case FST_SIGNAL_ID_ECHO:
            return {observed, echoed(it)};
        case FST_SIGNAL_LEARNED_SIGNATURE:
            return {observed, std::nullopt};
        case FST_SIGNAL_ID_ZERO_NO_DF:
            return {{field::ip_id(ip_id_of(it.rst)), field::df(false)},
                    Values{own_id, field::ip_id_class(id_class_of(it.own)),
                           field::df((it.own.flags & FST_DIRECTION_DF) != 0)}};
        default:
            return {observed, Values{own_id, field::ip_id_class(id_class_of(it.own))}};
    }
}

Shown liveness_values(fst_signal signal, const Subject& it) {
    const LaterEvidence& later = it.later;
    if (signal == FST_SIGNAL_LIVENESS_ACK && later.liveness_ack) {
        const bool acknowledges = it.rst.tcp_flags & FST_TCP_ACK;
        return {{field::ack(acknowledges ? std::optional(it.rst.ack) : std::nullopt)},
                Values{field::ack(later.liveness_ack->ack), when(it.rst, *later.liveness_ack)}};
    }
    if (signal == FST_SIGNAL_LIVENESS_CLOCK && later.liveness_clock) {
        const fst_packet& packet = *later.liveness_clock;
        if (it.rst.flags & FST_PACKET_TS) {
            return {{field::ts_val(it.rst.ts_val)},
                    Values{field::ts_val(packet.ts_val), when(it.rst, packet)}};
        }
        return {{},
                Values{field::ts_val_before(it.own.ts_val), field::ts_val(packet.ts_val),
                       when(it.rst, packet)}};
    }
    if (signal == FST_SIGNAL_LIVENESS_ID && later.liveness_id) {
        return {{field::ip_id(ip_id_of(it.rst))},
                Values{field::ip_id(later.liveness_id->ip_id), when(it.rst, *later.liveness_id)}};
    }
    if (signal == FST_SIGNAL_LIVENESS_DATA && later.liveness_data) {
        const fst_packet& packet = *later.liveness_data;
        return {
            {field::seq(it.rst.seq)},
            Values{field::payload(packet.payload), field::seq(packet.seq), when(it.rst, packet)}};
    }
    if (signal == FST_SIGNAL_BEYOND_WINDOW && later.beyond_window) {
        const fst_packet& packet = *later.beyond_window;
        return {
            {},
            Values{field::payload(packet.payload), field::seq(packet.seq), when(it.rst, packet)}};
    }
    return {};
}

Shown syn_values(const Subject& it) {
    if (!it.later.syn_ack) {
        return {};
    }
    return {{}, Values{field::packet("SYN-ACK"), when(it.rst, *it.later.syn_ack)}};
}

Shown guess_values(const Subject& it) {
    Shown shown{.observed = {field::seq(it.rst.seq)}};
    if (it.later.other_rst) {
        shown.baseline =
            Values{field::seq(it.later.other_rst->seq), when(it.rst, *it.later.other_rst)};
    }
    return shown;
}

Shown refuted_values(const Subject& it) {
    return it.later.refuted ? Shown{.baseline = Values{when(it.rst, *it.later.refuted)}} : Shown{};
}

Shown made_here_values(const Subject& it) {
    if (!it.later.made_here) {
        return {};
    }
    return {{field::left_by(it.later.made_here->left_by)},
            Values{field::comes_in_by(it.later.made_here->comes_in_by)}};
}

/// How long before the RST the data was sent that it acknowledges.
Shown time_values(const Subject& it) {
    const auto rst_us = static_cast<std::uint32_t>(it.rst.time_ns / 1000);
    return {{field::age(std::chrono::microseconds(rst_us - it.other.edge_us))},
            Values{field::min_rtt(std::chrono::microseconds(it.own.min_rtt_us))}};
}

Shown window_values(fst_signal signal, const Subject& it) {
    const bool is_echo = signal == FST_SIGNAL_WINDOW_ECHO;
    return {{field::window(it.rst.window)},
            Values{field::window(it.own.window),
                   field::other_window(is_echo ? std::optional(it.other.window) : std::nullopt)}};
}

Shown timestamp_values(fst_signal signal, const Subject& it) {
    const Values baseline{field::ts_val(it.own.ts_val)};
    if (signal == FST_SIGNAL_TIMESTAMPS_VALID) {
        return {{field::ts_val(it.rst.ts_val), field::ts_ecr(it.rst.ts_ecr)}, baseline};
    }
    return {{field::has_timestamps(false)}, baseline};
}

Shown values_of(fst_signal signal, const Subject& it) {
    switch (signal) {
        case FST_SIGNAL_LIVENESS_ACK:
        case FST_SIGNAL_LIVENESS_CLOCK:
        case FST_SIGNAL_LIVENESS_ID:
        case FST_SIGNAL_BEYOND_WINDOW:
        case FST_SIGNAL_LIVENESS_DATA:
            return liveness_values(signal, it);
        case FST_SIGNAL_SYN_RST:
            return syn_values(it);
        case FST_SIGNAL_SEQ_CHANGE:
            return guess_values(it);
        case FST_SIGNAL_REFUTED:
            return refuted_values(it);
        case FST_SIGNAL_NEARER:
        case FST_SIGNAL_FARTHER:
        case FST_SIGNAL_TTL_BASE:
        case FST_SIGNAL_TWO_PATHS:
        case FST_SIGNAL_ONE_HOP:
            return path_values(signal, it);
        case FST_SIGNAL_ID_ECHO:
        case FST_SIGNAL_ID_CONSTANT:
        case FST_SIGNAL_LEARNED_SIGNATURE:
        case FST_SIGNAL_ID_ZERO_NO_DF:
        case FST_SIGNAL_ID_BREAK:
        case FST_SIGNAL_ID_IN_SEQUENCE:
            return id_values(signal, it);
        case FST_SIGNAL_ACK_TOO_SOON:
        case FST_SIGNAL_ACK_SOON:
            return time_values(it);
        case FST_SIGNAL_WINDOW_FOREIGN:
        case FST_SIGNAL_WINDOW_ECHO:
            return window_values(signal, it);
        case FST_SIGNAL_NO_TIMESTAMPS:
        case FST_SIGNAL_TIMESTAMPS_VALID:
            return timestamp_values(signal, it);
        case FST_SIGNAL_MADE_HERE:
            return made_here_values(it);
        case FST_SIGNAL_DATA:
            return {{field::payload(it.rst.payload)}, std::nullopt};
        case FST_SIGNAL_MAC_FOREIGN:
            return {{field::mac(std::to_array(it.rst.src_mac))},
                    Values{field::mac(std::to_array(it.slot.mac[it.rst.direction & 1U]))}};
        case FST_SIGNAL_DF_FLIPPED:
            return {{field::df((it.rst.flags & FST_PACKET_DF) != 0)},
                    Values{field::df((it.own.flags & FST_DIRECTION_DF) != 0)}};
    }
    return {};
}

}  // namespace

std::vector<Evidence> describe(const fst_packet& rst, const fst_judgement& judgement,
                               const fst_flow& slot, const LaterEvidence& later) {
    const unsigned sender = rst.direction & 1U;
    const Subject subject{rst, slot.direction[sender], slot.direction[sender ^ 1U], slot, later};
    std::vector<Evidence> all;
    for (const SignalEntry& entry : every_signal()) {
        const auto signal = static_cast<fst_signal>(entry.signal);
        if (entry.family && (judgement.signals & FST_SIGNAL_BIT(signal))) {
            Shown shown = values_of(signal, subject);
            all.push_back({entry.signal, entry.strength, std::move(shown.observed),
                           std::move(shown.baseline)});
        }
    }
    return all;
}

}  // namespace flowstamp::analysis
