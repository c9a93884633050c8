// SPDX-License-Identifier: Apache-2.0
#include "user/detect/signature_book.h"

#include <algorithm>

namespace flowstamp {

namespace {

Nanoseconds time_of(const RstView& rst) {
    return Nanoseconds(static_cast<std::int64_t>(rst.packet().time_ns));
}

__u16 taught_flags(bool id, bool window) {
    unsigned flags = FS_TAUGHT_USED | FS_TAUGHT_HOPS;
    if (id) {
        flags |= FS_TAUGHT_IP_ID;
    }
    if (window) {
        flags |= FS_TAUGHT_WINDOW;
    }
    return static_cast<__u16>(flags);
}

bool is_proven_alone(const fs_judgement& judgement) {
    constexpr std::uint64_t kLessons =
        FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT) | FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT_HOPS);
    return fs_conclude(judgement.signals & ~kLessons, judgement.context) == FS_VERDICT_CONFIRMED;
}

}  // namespace

void SignatureBook::renew(const RstView& rst, const Mark& mark, bool is_proven) {
    for (Entry& entry : entries_) {
        const fs_taught& taught = entry.lesson.signature;
        const bool bears = taught.hops == mark.hops && taught.tcp_flags == mark.tcp_flags &&
                           (!(taught.flags & FS_TAUGHT_IP_ID) || taught.ip_id == mark.ip_id) &&
                           (!(taught.flags & FS_TAUGHT_WINDOW) || taught.window == mark.window);
        if (bears) {
            entry.lesson.seen = std::max(entry.lesson.seen, rst.sighting().wall);
            entry.proven = is_proven ? std::max(entry.proven, time_of(rst)) : entry.proven;
        }
    }
}

void SignatureBook::teach(const fs_taught& signature, const RstView& rst) {
    const bool known = std::ranges::any_of(entries_, [&](const Entry& entry) {
        return same_signature(entry.lesson.signature, signature);
    });
    if (known) {
        return;
    }
    if (entries_.size() == FS_TAUGHT_MAX) {
        const auto stalest = std::ranges::min_element(entries_, {}, &Entry::proven);
        policy_.forget(stalest->lesson.signature);
        entries_.erase(stalest);
    }
    if (!policy_.teach(signature)) {
        return;
    }
    const Nanoseconds wall = rst.sighting().wall;
    entries_.push_back(
        {.lesson = {.signature = signature, .taught = wall, .seen = wall}, .proven = time_of(rst)});
}

void SignatureBook::note(const RstView& rst, const fs_judgement& judgement) {
    if (!(judgement.context & (FS_CONTEXT_IN_WINDOW | FS_CONTEXT_TO_SYN))) {
        return;
    }
    const fs_packet& packet = rst.packet();
    constexpr std::uint64_t kIdOfTheFlow =
        FS_SIGNAL_BIT(FS_SIGNAL_ID_ECHO) | FS_SIGNAL_BIT(FS_SIGNAL_VOUCH_ID);
    const Mark mark{
        .flow_id = rst.sighting().flow_id,
        .ip_id = packet.ip_id,
        .window = packet.window,
        .hops = judgement.hops,
        .tcp_flags = packet.tcp_flags,
        .id_counts = packet.ip_id > 1 && !(judgement.signals & kIdOfTheFlow),
        .window_counts = (judgement.signals & FS_SIGNAL_BIT(FS_SIGNAL_WINDOW_FOREIGN)) != 0};
    const bool is_proven = is_proven_alone(judgement);
    renew(rst, mark, is_proven);
    if (!is_proven) {
        return;
    }
    for (const Mark& earlier : marks_) {
        if (earlier.flow_id == mark.flow_id || earlier.hops != mark.hops ||
            earlier.tcp_flags != mark.tcp_flags) {
            continue;
        }
        const bool id = mark.id_counts && earlier.id_counts && earlier.ip_id == mark.ip_id;
        const bool window =
            mark.window_counts && earlier.window_counts && earlier.window == mark.window;
        if (id || window) {
            teach({.flags = taught_flags(id, window),
                   .ip_id = id ? mark.ip_id : __u16{0},
                   .window = window ? mark.window : __u16{0},
                   .hops = mark.hops,
                   .tcp_flags = mark.tcp_flags},
                  rst);
        }
    }
    marks_.push_back(mark);
    if (marks_.size() > kCompared) {
        marks_.pop_front();
    }
}

void SignatureBook::advance(Nanoseconds now) {
    std::erase_if(entries_, [&](const Entry& entry) {
        const bool aged = now - entry.proven >= kLasts;
        if (aged) {
            policy_.forget(entry.lesson.signature);
        }
        return aged;
    });
}

std::vector<Lesson> SignatureBook::lessons() const {
    std::vector<Lesson> found;
    for (const Entry& entry : entries_) {
        found.push_back(entry.lesson);
    }
    return found;
}

}  // namespace flowstamp
