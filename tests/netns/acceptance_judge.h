// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a socket made of a segment, held against what its flow's slot did.
//
// A: what the kernel threw away taught nothing: no distance, IP-ID, window, clock, edge or end.
// B: what the kernel took in moved the edges along: data in order, and a new ACK.
// Between the two lies what passes the kernel's checks and has nothing new for it: a duplicate, an
// old ACK. Anyone can send it who can send what is taken in; it may show its sender's distance,
// IP-ID and clock, but moves no edge, ends nothing, and sets no window that the kernel has not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/netns/acceptance_forger.h"

namespace flowstamp::lab {

/// A segment, and both sides of what came of it.
struct Step {
    Crafted segment{};
    SocketView socket{}, socket_after{};
    fst_flow flow{}, flow_after{};
    bool counted_refusal = false;
    std::optional<std::uint32_t> ts_recent{};  ///< as the client has last echoed it
};

enum class Fate : std::uint8_t { ThrownAway, NothingNew, Taken };

/// Why the two may differ all the same: what this place on the way cannot know, or does not look at.
enum class Excuse : std::uint8_t {
    None,
    /// It goes on where its side stands, from where its packets come, and acknowledges nothing that
    /// was not sent: whether the window has room for it is seldom asked (bpf/flow/observe.h).
    Unlooked,
    Straddles,    ///< it ends past the window: Linux 6.17 takes it only into an empty queue
    Copy,         ///< what lies within what the socket took may be a copy
    ResetClock,   ///< a reset in the window, that is challenged, may tell its sender's time
    AfterFin,     ///< what follows a FIN is not in the stream; its ACK is good
    PastHole,     ///< a reset where the peer has come to: exact, if all before it had arrived
    OlderWindow,  ///< Linux knows of each window whether a later segment has set another
    EarlyFin,     ///< a FIN that came out of order ends its side before the hole is filled
    Ahead,        ///< a bare ACK in the window says how far its sender has come; nothing keeps that
    Delayed,      ///< it ends the stream where the client has data that it will acknowledge
    Probe,        ///< data that begin at the window's end: their ACK is taken if the queue is empty
    Unsaid,       ///< without a scale Linux may take in more than its window says
    Predicted,    ///< header prediction takes data in order however old their ACK ...
    Leapt,        ///< ... and their timestamp
    OldAck,       ///< data with an old ACK: how large the largest window was is known only roughly
    Overtaken,  ///< its timestamp is a little older than the side's latest: it was sent all the same
    Unlike,     ///< its side sends no such: its bytes count once the client has acknowledged them
};
inline constexpr std::array kExcuses = {
    "none",        "unlooked",     "straddles", "copy",    "reset's clock", "after FIN",
    "past a hole", "older window", "early FIN", "ahead",   "delayed",       "probe",
    "unsaid",      "predicted",    "leapt",     "old ACK", "overtaken",     "unlike"};

struct Judgement {
    Fate fate = Fate::NothingNew;
    std::string violation{};  ///< empty: none
    Excuse excuse = Excuse::None;
};

Judgement judge(const Step& step, int peer);

}  // namespace flowstamp::lab
