// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/acceptance_judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "flowstamp/acceptance_rules.h"

namespace flowstamp::lab {
namespace {

namespace wire = flowstamp::testing;
using Differences = std::vector<std::string>;

/// `a` after `b` in sequence space.
bool after(std::uint32_t a, std::uint32_t b) {
    return fst_sequence_after(a, b) > 0;
}

/// Whether anything of the segment is in the socket now.
bool took(const Step& step) {
    const SocketView &was = step.socket, &is = step.socket_after;
    return was.info.tcpi_state != is.info.tcpi_state || was.rcv_nxt != is.rcv_nxt ||
           was.info.tcpi_rcv_ooopack != is.info.tcpi_rcv_ooopack || was.snd_una != is.snd_una ||
           was.snd_wl1 != is.snd_wl1 || was.info.tcpi_snd_wnd != is.info.tcpi_snd_wnd;
}

/// Whether the kernel threw the segment away as it is, rather than found nothing new in it. It
/// counts most of those, since 6.17 those past the window, too; tcp_rcv_established() and tcp_ack()
/// throw others away and count nothing.
bool threw_away(const Step& step) {
    const Crafted& segment = step.segment;
    const SocketView& socket = step.socket;
    const bool outside = after(socket.rcv_wup, segment.end()) ||
                         (after(segment.seq, socket.right_edge) && !socket.takes_more &&
                          after(segment.seq, socket.rcv_nxt));
    return !took(step) && (step.counted_refusal || outside || segment.own_name || segment.damaged ||
                           !segment.has(wire::Ack) || segment.has(wire::Rst | wire::Syn) ||
                           after(segment.ack, socket.snd_nxt));
}

template <class T>
void compare(Differences& differences, const char* name, const T& was, const T& is) {
    if (std::memcmp(&was, &is, sizeof(T)) != 0) {
        if constexpr (std::is_integral_v<T>) {
            differences.push_back(fmt::format("{} {:x} -> {:x}", name, was, is));
        } else {
            differences.emplace_back(name);
        }
    }
}

constexpr std::uint32_t kEvidence =
    FST_OF(FST_FLOW_SYN, 0) | FST_OF(FST_FLOW_SYN, 1) | FST_OF(FST_FLOW_SYN_ACK, 0) |
    FST_OF(FST_FLOW_SYN_ACK, 1) | FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1) |
    FST_OF(FST_FLOW_RST, 0) | FST_OF(FST_FLOW_RST, 1) | FST_OF(FST_FLOW_LOCAL, 0) |
    FST_OF(FST_FLOW_LOCAL, 1) | FST_FLOW_MIDWAY | FST_FLOW_ESTABLISHED | FST_FLOW_TS;

/// Whether the client has sent nothing meanwhile. Its own packets teach, too, and may look like
/// copies.
bool is_silent(const Step& step) {
    return step.socket.info.tcpi_segs_out == step.socket_after.info.tcpi_segs_out;
}

void compare_edges(Differences& differences, const fst_direction& was, const fst_direction& is) {
    compare(differences, "seq_edge", was.seq_edge, is.seq_edge);
    compare(differences, "ack_edge", was.ack_edge, is.ack_edge);
}

void compare_side(Differences& differences, const fst_direction& was, const fst_direction& is) {
    compare_edges(differences, was, is);
    compare(differences, "flags", was.flags, is.flags);
    compare(differences, "ts_val", was.ts_val, is.ts_val);
    compare(differences, "ts_offset", was.ts_offset, is.ts_offset);
    compare(differences, "min_rtt", was.min_rtt_us, is.min_rtt_us);
    compare(differences, "windows", was.windows, is.windows);
    compare(differences, "window", was.window, is.window);
    compare(differences, "ip_id", was.ip_id, is.ip_id);
    compare(differences, "ttl", was.ttl, is.ttl);
    compare(differences, "id_class", was.id_class, is.id_class);
    compare(differences, "rtt_and_mac", was.rtt_and_mac, is.rtt_and_mac);
}

/// A: what the kernel threw away taught nothing.
Differences taught(const Step& step, int peer) {
    Differences differences;
    const fst_flow &was = step.flow, &is = step.flow_after;
    compare(differences, "generation", was.generation, is.generation);
    compare(differences, "state", was.state & kEvidence, is.state & kEvidence);
    if (is_silent(step)) {
        compare(differences, "copies", was.state & FST_FLOW_DUPLICATE_FRAMES,
                is.state & FST_FLOW_DUPLICATE_FRAMES);
    }
    compare(differences, "isn", was.isn, is.isn);
    for (const int end : {0, 1}) {  // what is known of a RST's burst stands beside it
        compare(differences, "wscale", was.wscale[end] & ~FST_RST_INEXACT,
                is.wscale[end] & ~FST_RST_INEXACT);
    }
    compare(differences, "mac", was.mac, is.mac);
    fst_direction before = was.direction[peer];
    if (step.ts_recent == is.direction[peer].ts_val) {
        before.ts_val = is.direction[peer].ts_val;  // the client's own echo has set it right
    }
    compare_side(differences, before, is.direction[peer]);
    if (step.segment.own_name && is_silent(step)) {
        compare_side(differences, was.direction[peer ^ 1], is.direction[peer ^ 1]);
    }
    return differences;
}

/// Of what the kernel found nothing new in: it moved and ended nothing.
Differences moved(const Step& step, int peer) {
    Differences differences;
    const fst_direction &was = step.flow.direction[peer], &is = step.flow_after.direction[peer];
    compare(differences, "state", step.flow.state & kEvidence, step.flow_after.state & kEvidence);
    compare_edges(differences, was, is);
    if (static_cast<std::uint32_t>(is.window) << step.socket_after.info.tcpi_snd_wscale !=
        step.socket_after.info.tcpi_snd_wnd) {
        compare(differences, "window", was.window, is.window);
    }
    return differences;
}

/// B: what the kernel took in moved the edges along.
Differences behind(const Step& step, int peer) {
    Differences differences;
    const fst_direction& own = step.flow_after.direction[peer];
    const SocketView &was = step.socket, &is = step.socket_after;
    if (was.rcv_nxt != is.rcv_nxt && after(is.rcv_nxt, own.seq_edge)) {
        differences.push_back(fmt::format("seq_edge is {} behind", is.rcv_nxt - own.seq_edge));
    }
    if (was.snd_una != is.snd_una && is.snd_una != own.ack_edge) {
        differences.push_back(
            fmt::format("ack_edge is {:+}", static_cast<std::int32_t>(own.ack_edge - is.snd_una)));
    }
    return differences;
}

bool is_unlooked(const Step& step, int peer) {
    const Crafted& segment = step.segment;
    const fst_direction &own = step.flow.direction[peer], &other = step.flow.direction[1 - peer];
    const bool timestamped = (step.flow.state & FST_FLOW_TS) == 0 ||
                             (segment.timestamps &&
                              segment.timestamps->val - own.ts_val + 1 <= FST_TIMESTAMPS_NEAR_FAST);
    return segment.seq == own.seq_edge && segment.has(wire::Ack) &&
           !segment.has(wire::Syn | wire::Fin | wire::Rst) && !segment.own_name && timestamped &&
           segment.ack - own.ack_edge <= other.seq_edge - own.ack_edge &&
           (std::ranges::find(own.ttl, segment.ttl) != std::end(own.ttl) ||
            (own.flags & FST_DIRECTION_TTL_MANY) != 0);
}

/// Whether it begins where the socket may take it and ends past the window. The socket may have
/// gone past its own window, with a FIN or a byte of a probe.
bool straddles(const Step& step) {
    const Crafted& segment = step.segment;
    const SocketView& socket = step.socket;
    const std::uint32_t end =
        segment.has(wire::Rst) ? segment.end() : segment.seq + segment.payload;
    return after(end, socket.right_edge) &&
           !(after(segment.seq, socket.right_edge) && after(segment.seq, socket.rcv_nxt));
}

/// Whether a FIN came that is looked at again when a reset comes: by then its hole may be filled.
bool has_fin_ahead(const fst_flow& flow) {
    return (flow.state & (FST_OF(FST_FLOW_FIN_AHEAD, 0) | FST_OF(FST_FLOW_FIN_AHEAD, 1))) != 0;
}

/// Whether the socket has the peer's FIN, in order.
bool got_fin(const SocketView& socket) {
    constexpr std::array without = {1, 4, 5};  // TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2
    return std::ranges::find(without, socket.info.tcpi_state) == without.end();
}

/// Takes the named ones out; true if there were any.
bool take_out(Differences& differences, std::initializer_list<std::string_view> names) {
    return std::erase_if(differences, [&](const std::string& difference) {
               return std::ranges::any_of(
                   names, [&](std::string_view name) { return difference.starts_with(name); });
           }) > 0;
}

/// Whether the kernel's clock of the peer is ahead of the slot's, and of the segment: by as much as
/// half of all numbers, where Linux takes the segment for the later one.
bool leapt(const Step& step, const fst_direction& own) {
    constexpr std::uint32_t kHalf = 0x80000000;
    const std::optional<testing::Timestamps>& sent = step.segment.timestamps;
    return sent && step.ts_recent && *step.ts_recent - sent->val - 2 <= kHalf - 2 &&
           after(*step.ts_recent, own.ts_val);
}

/// Whether the kernel has followed a leap of the peer's clock that no clock makes: the slot has not, and takes
/// for old what the kernel takes for new. After two leaps the kernel's seems older; the slot's own clock never
/// comes hours before the kernel's.
bool is_a_leap_behind(const Step& step, const fst_direction& own) {
    constexpr std::uint32_t kHours = 1U << 24U;  // of milliseconds
    return step.segment.timestamps && step.ts_recent &&
           *step.ts_recent - own.ts_val > FST_TIMESTAMPS_NEAR_FAST &&
           own.ts_val - *step.ts_recent > kHours;
}

/// Whether its timestamp is a little older than the side's latest: it was sent, and overtaken.
bool is_overtaken(const Step& step, const fst_direction& own) {
    const std::optional<testing::Timestamps>& sent = step.segment.timestamps;
    return sent && own.ts_val - sent->val <= FST_TIMESTAMPS_NEAR_FAST &&
           after(own.ts_val, sent->val + 1);
}

/// Whether no sender's stack makes such a segment on this connection, and the client has yet to acknowledge it.
bool is_unlike_its_side(const Step& step, const fst_direction& own) {
    const std::optional<testing::Timestamps>& sent = step.segment.timestamps;
    const std::uint32_t near =
        (own.flags & FST_DIRECTION_TS_FAST) != 0 ? FST_TIMESTAMPS_NEAR_FAST : FST_TIMESTAMPS_NEAR;
    const bool timestamped =
        (step.flow.state & FST_FLOW_TS) == 0 || (sent && sent->val - own.ts_val + 1 <= near);
    return !timestamped && after(step.socket_after.rcv_nxt, step.socket_after.rcv_wup);
}

bool outside_window(const Step& step, const fst_direction& own) {
    const std::uint32_t seq = step.segment.seq;
    return seq != own.seq_edge &&
           (after(step.socket.rcv_wup, seq) || after(seq, step.socket.right_edge));
}

/// Takes what is excused out of the differences, and remembers why.
class Excused {
  public:
    explicit Excused(Differences& differences) : differences_(differences) {}

    void all(bool applies, Excuse excuse) {
        if (applies && !differences_.empty()) {
            differences_.clear();
            excuse_ = excuse;
        }
    }
    void some(bool applies, Excuse excuse, std::initializer_list<std::string_view> names) {
        if (applies && take_out(differences_, names)) {
            excuse_ = excuse;
        }
    }
    Excuse excuse() const { return excuse_; }

  private:
    Differences& differences_;
    Excuse excuse_ = Excuse::None;
};

Excuse excuse_teaching(const Step& step, int peer, Differences& differences) {
    const SocketView& socket = step.socket;
    const Crafted& segment = step.segment;
    const fst_direction& own = step.flow.direction[peer];
    const bool reset = segment.has(wire::Rst);
    const bool both_fins = fst_both_fins(step.flow.state) != 0;
    Excused excused(differences);
    excused.all(is_unlooked(step, peer), Excuse::Unlooked);
    excused.all(leapt(step, own), Excuse::Leapt);
    excused.some(is_overtaken(step, own), Excuse::Overtaken, {"seq_edge", "ack_edge"});
    excused.all(segment.has(wire::Syn) && both_fins && !got_fin(socket), Excuse::EarlyFin);
    excused.some(after(socket.rcv_nxt, segment.end()), Excuse::Copy, {"copies"});
    excused.some(reset && !outside_window(step, own), Excuse::ResetClock, {"ts_offset"});
    excused.some(straddles(step), Excuse::Straddles, {"seq_edge", "ack_edge"});
    excused.some(reset && straddles(step), Excuse::Straddles, {"state"});
    excused.some(reset && segment.seq == socket.rcv_wup, Excuse::Delayed, {"state"});
    excused.some(reset && has_fin_ahead(step.flow), Excuse::EarlyFin, {"state"});
    // Bytes behind the FIN, which Linux takes in, and has yet to acknowledge.
    excused.some(reset && got_fin(socket) && after(socket.rcv_nxt, socket.rcv_wup),
                 Excuse::AfterFin, {"state", "ts_offset"});
    excused.some(reset && segment.seq == own.seq_edge && after(segment.seq, socket.rcv_nxt),
                 Excuse::PastHole, {"state"});
    return excused.excuse();
}

Excuse excuse_moving(const Step& step, int peer, Differences& differences) {
    const SocketView& socket = step.socket;
    const Crafted& segment = step.segment;
    const bool fin = segment.has(wire::Fin), older = !after(segment.seq, socket.snd_wl1);
    Excused excused(differences);
    excused.all(is_unlooked(step, peer), Excuse::Unlooked);
    excused.some(got_fin(socket), Excuse::AfterFin, {"seq_edge", "window"});
    excused.some(got_fin(socket) && fin, Excuse::AfterFin, {"state"});
    // Data on a FIN's number, of which our stack has not said yet which of the two it has taken in: the slot
    // takes the FIN back, as what is not closed licenses no reset.
    excused.some(got_fin(socket) && segment.payload != 0 &&
                     after(segment.end(), socket.rcv_nxt - 1) &&
                     after(socket.rcv_nxt, socket.rcv_wup),
                 Excuse::AfterFin, {"state"});
    excused.some(older, Excuse::OlderWindow, {"window"});
    excused.some(segment.payload == 0 && after(segment.seq, socket.rcv_nxt), Excuse::Ahead,
                 {"seq_edge"});
    excused.some(fin && after(segment.end(), socket.right_edge), Excuse::Straddles,
                 {"state", "seq_edge"});
    excused.some(
        fin && !after(segment.end(), socket.rcv_nxt) && after(segment.end(), socket.rcv_wup),
        Excuse::Delayed, {"state"});
    return excused.excuse();
}

Excuse excuse_staying(const Step& step, int peer, Differences& differences) {
    const SocketView& socket = step.socket;
    const Crafted& segment = step.segment;
    const fst_direction& own = step.flow.direction[peer];
    Excused excused(differences);
    excused.some(socket.takes_more && after(segment.end(), socket.right_edge), Excuse::Unsaid,
                 {"seq_edge", "ack_edge"});
    excused.some(after(socket.rcv_nxt, socket.right_edge), Excuse::Straddles,
                 {"seq_edge", "ack_edge"});
    excused.some(segment.payload != 0 && segment.seq == socket.right_edge, Excuse::Probe,
                 {"ack_edge"});
    excused.some(segment.seq == socket.rcv_nxt && after(socket.snd_una, segment.ack),
                 Excuse::Predicted, {"seq_edge"});
    excused.some(after(socket.snd_una, segment.ack), Excuse::OldAck, {"seq_edge"});
    excused.some(leapt(step, own), Excuse::Leapt, {"seq_edge", "ack_edge"});
    excused.some(is_a_leap_behind(step, own), Excuse::Leapt, {"seq_edge", "ack_edge"});
    excused.some(is_overtaken(step, own), Excuse::Overtaken, {"seq_edge", "ack_edge"});
    excused.some(is_unlike_its_side(step, own), Excuse::Unlike, {"seq_edge", "ack_edge"});
    excused.some(got_fin(socket) && after(step.socket_after.rcv_nxt, step.socket_after.rcv_wup),
                 Excuse::AfterFin, {"seq_edge"});
    excused.some(after(segment.end(), socket.right_edge), Excuse::Straddles,
                 {"seq_edge", "ack_edge"});
    return excused.excuse();
}

/// What the flow knew before the segment, beside what the socket did.
std::string flow_text(const Step& step, int peer) {
    const fst_flow& flow = step.flow;
    const fst_direction& own = flow.direction[peer];
    const fst_direction& other = flow.direction[peer ^ 1];
    return fmt::format(
        "state {:#x}, peer: flags {:#x}, edge rcv_nxt{:+}, acked una{:+}, window {}, ts {}; we: "
        "flags {:#x}, "
        "edge una{:+}, acked rcv_nxt{:+}, window {}, scales {} {}, after_rst {:#x}",
        flow.state, own.flags, static_cast<std::int32_t>(own.seq_edge - step.socket.rcv_nxt),
        static_cast<std::int32_t>(own.ack_edge - step.socket.snd_una), own.window, own.ts_val,
        other.flags, static_cast<std::int32_t>(other.seq_edge - step.socket.snd_una),
        static_cast<std::int32_t>(other.ack_edge - step.socket.rcv_nxt), other.window,
        flow.wscale[peer], flow.wscale[peer ^ 1], flow.after_rst[peer ^ 1]);
}

}  // namespace

Judgement judge(const Step& step, int peer) {
    Judgement judgement{.fate = threw_away(step) ? Fate::ThrownAway
                                : took(step)     ? Fate::Taken
                                                 : Fate::NothingNew};
    Differences differences;
    const char* what = "";
    switch (judgement.fate) {
        case Fate::ThrownAway:
            what = "thrown away, but it taught";
            differences = taught(step, peer);
            judgement.excuse = excuse_teaching(step, peer, differences);
            break;
        case Fate::NothingNew:
            what = "nothing new, but it moved";
            differences = moved(step, peer);
            judgement.excuse = excuse_moving(step, peer, differences);
            break;
        case Fate::Taken:
            what = "taken, but not followed";
            if (step.socket_after.info.tcpi_state != step.socket.info.tcpi_state &&
                step.segment.has(wire::Rst)) {
                break;
            }
            differences = behind(step, peer);
            judgement.excuse = excuse_staying(step, peer, differences);
            break;
    }
    if (!differences.empty()) {
        judgement.violation =
            fmt::format("{}: {}\n    {}\n    {}", what, fmt::join(differences, ", "),
                        flow_text(step, peer), step.segment.text(step.socket));
    }
    return judgement;
}

}  // namespace flowstamp::lab
