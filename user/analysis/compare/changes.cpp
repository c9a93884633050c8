// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/changes.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "user/net/endpoint.h"

namespace flowstamp::analysis::compare {

namespace {

/// Fewer packets than these say nothing of a habit.
constexpr std::size_t kEnough = 3;

void add(Changes& changes, Phrase phrase, const Values& in_words, Values received, Values sent) {
    changes.summary.push_back(
        {.phrase = phrase, .values = in_words.with(field::sender(changes.sender))});
    changes.evidence.push_back({.signal = Signal::CHANGED_BETWEEN,
                                .observed = std::move(received),
                                .baseline = std::move(sent)});
}

/// The first pair in which `differs` holds, if it does in most of those for which it can be told.
template <class Differs>
const Pair* in_most(const Way& way, const Differs& differs) {
    const Pair* first = nullptr;
    std::size_t differing = 0;
    for (const Pair& pair : way.pairs) {
        if (differs(way.sent.front()[pair.a], way.received.front()[pair.b])) {
            differing++;
            first = first == nullptr ? &pair : first;
        }
    }
    return differing >= kEnough && differing * 2 > way.pairs.size() ? first : nullptr;
}

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 4> kOptions = {
    {{FST_PACKET_WSCALE, "wscale"},
     {FST_PACKET_SACK, "sack"},
     {FST_PACKET_TS, "timestamps"},
     {FST_PACKET_MPTCP, "mptcp"}}};

std::string options_text(std::uint16_t flags) {
    std::string text;
    for (const auto& [flag, name] : kOptions) {
        if (flags & flag) {
            text += text.empty() ? "" : " ";
            text += name;
        }
    }
    return text.empty() ? "none" : text;
}

void compare_syns(const SynOptions& sent, const SynOptions& received, Changes& changes) {
    if (sent.mss != received.mss && sent.mss != 0) {
        add(changes, Phrase::changed_mss, {field::mss(received.mss), field::mss_sent(sent.mss)},
            {field::mss(received.mss)}, {field::mss(sent.mss)});
    }
    std::uint16_t stripped = 0;
    std::uint16_t added = 0;
    for (const auto& [flag, name] : kOptions) {
        stripped |= static_cast<std::uint16_t>(sent.flags & ~received.flags & flag);
        added |= static_cast<std::uint16_t>(received.flags & ~sent.flags & flag);
    }
    if (stripped != 0 || added != 0) {
        add(changes, Phrase::changed_options,
            {field::options(options_text(received.flags)),
             field::options_sent(options_text(sent.flags))},
            {field::options(options_text(received.flags))},
            {field::options(options_text(sent.flags))});
    } else if (sent.wscale != received.wscale) {
        add(changes, Phrase::changed_wscale,
            {field::wscale(received.wscale), field::wscale_sent(sent.wscale)},
            {field::wscale(received.wscale)}, {field::wscale(sent.wscale)});
    }
}

/// The SYN's ECE and CWR ask for ECN (RFC 3168, 6.1.1).
void compare_ecn(const Way& way, Changes& changes) {
    constexpr std::uint8_t kEcn = 0x03;
    constexpr std::uint8_t kCongestion = 0x03;
    constexpr std::uint8_t kAsks = FST_TCP_ECE | FST_TCP_CWR;
    const Pair* marks = in_most(way, [](const SeenPacket& out, const SeenPacket& in) {
        return (out.tos & kEcn) != (in.tos & kEcn) && (in.tos & kEcn) != kCongestion;
    });
    const auto syn = std::ranges::find_if(way.pairs, [&](const Pair& pair) {
        const std::uint8_t out = way.sent.front()[pair.a].tcp_flags;
        return (out & FST_TCP_SYN) &&
               (out & kAsks) != (way.received.front()[pair.b].tcp_flags & kAsks);
    });
    const Pair* found = marks != nullptr ? marks : syn != way.pairs.end() ? &*syn : nullptr;
    if (found == nullptr) {
        return;
    }
    const SeenPacket& out = way.sent.front()[found->a];
    const SeenPacket& in = way.received.front()[found->b];
    const auto word = [&](const SeenPacket& packet) -> std::string {
        constexpr std::array<std::string_view, 4> kMarks = {"not-ect", "ect1", "ect0", "ce"};
        return std::string(marks != nullptr                      ? kMarks.at(packet.tos & kEcn)
                           : (packet.tcp_flags & kAsks) == kAsks ? "asked"
                                                                 : "not-asked");
    };
    add(changes, Phrase::changed_ecn, {}, {field::ecn(word(in))}, {field::ecn(word(out))});
}

void compare_headers(const Way& way, Changes& changes) {
    const auto pair_of = [&way](const Pair* pair) {
        return std::pair(way.sent.front()[pair->a], way.received.front()[pair->b]);
    };
    if (const Pair *pair = in_most(way, [](const SeenPacket& out, const SeenPacket& in) {
            return out.tos >> 2U != in.tos >> 2U;
        })) {
        const auto [out, in] = pair_of(pair);
        const unsigned is = in.tos >> 2U;
        const unsigned was = out.tos >> 2U;
        add(changes, Phrase::changed_dscp, {field::dscp(is), field::dscp_sent(was)},
            {field::dscp(is)}, {field::dscp(was)});
    }
    if (const Pair *pair = in_most(
            way, [](const SeenPacket& out, const SeenPacket& in) { return in.ttl > out.ttl; })) {
        const auto [out, in] = pair_of(pair);
        add(changes, Phrase::changed_ttl, {field::low_ttl(in.ttl), field::ttl_sent(out.ttl)},
            {field::ttl(in.ttl)}, {field::ttl(out.ttl)});
    }
    if (const Pair *pair = in_most(way, [](const SeenPacket& out, const SeenPacket& in) {
            return ((out.flags ^ in.flags) & FST_PACKET_DF) != 0;
        })) {
        const auto [out, in] = pair_of(pair);
        add(changes, Phrase::changed_df, {}, {field::df((in.flags & FST_PACKET_DF) != 0)},
            {field::df((out.flags & FST_PACKET_DF) != 0)});
    }
    if (const Pair *pair = in_most(way, [](const SeenPacket& out, const SeenPacket& in) {
            return out.ip_id != in.ip_id;
        })) {
        const auto [out, in] = pair_of(pair);
        add(changes, Phrase::changed_ip_id, {}, {field::ip_id(in.ip_id)},
            {field::ip_id(out.ip_id)});
    }
    if (const Pair *pair = in_most(way, [](const SeenPacket& out, const SeenPacket& in) {
            return out.window != in.window && !in.is_reset();
        })) {
        const auto [out, in] = pair_of(pair);
        add(changes, Phrase::changed_window,
            {field::window(in.window), field::window_sent(out.window)}, {field::window(in.window)},
            {field::window(out.window)});
    }
}

}  // namespace

std::optional<std::uint8_t> hops_of(const Way& way) {
    std::array<std::uint32_t, 256> counts{};
    for (const Pair& pair : way.pairs) {
        const int lost = way.sent.front()[pair.a].ttl - way.received.front()[pair.b].ttl;
        if (lost >= 0) {
            counts[static_cast<std::size_t>(lost)]++;
        }
    }
    const auto most = std::ranges::max_element(counts);
    return *most == 0 ? std::nullopt
                      : std::optional(static_cast<std::uint8_t>(most - counts.begin()));
}

Changes changes_of(const Way& way, const View& sent, unsigned sender, const View& received,
                   unsigned sender_there) {
    Changes changes{.sender = net::end_of(sent.key, sender), .evidence = {}, .summary = {}};
    const auto& offered = sent.syn[sender];
    const auto& arrived = received.syn[sender_there];
    if (offered && arrived && way.sender->has_options() && way.receiver->has_options()) {
        compare_syns(*offered, *arrived, changes);
    }
    compare_ecn(way, changes);
    compare_headers(way, changes);
    return changes;
}

Changes translation_of(const View& sent, unsigned end, const View& received, unsigned end_there) {
    Changes changes;
    const net::Endpoint was = net::end_of(sent.key, end);
    const net::Endpoint is = net::end_of(received.key, end_there);
    if (was != is) {
        add(changes, Phrase::changed_end, {field::from(was), field::to(is)}, {field::to(is)},
            {field::from(was)});
    }
    return changes;
}

}  // namespace flowstamp::analysis::compare
