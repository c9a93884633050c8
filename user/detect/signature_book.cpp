// SPDX-License-Identifier: Apache-2.0
#include "user/detect/signature_book.h"

#include "flowstamp/stamp.h"

namespace flowstamp {

namespace {

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

}  // namespace

std::optional<fs_taught> SignatureBook::note(const RstView& rst, const fs_judgement& judgement) {
    if (!(judgement.context & FS_CONTEXT_IN_WINDOW)) {
        return std::nullopt;
    }
    const fs_packet& packet = rst.packet();
    constexpr std::uint64_t kIdOfTheFlow =
        FS_SIGNAL_BIT(FS_SIGNAL_ID_ECHO) | FS_SIGNAL_BIT(FS_SIGNAL_VOUCH_ID);
    Mark mark{.flow_id = rst.sighting().flow_id,
              .ip_id = packet.ip_id,
              .window = packet.window,
              .hops = judgement.hops,
              .tcp_flags = packet.tcp_flags,
              .id_counts = packet.ip_id > 1 && !(judgement.signals & kIdOfTheFlow),
              .window_counts = (judgement.signals & FS_SIGNAL_BIT(FS_SIGNAL_WINDOW_FOREIGN)) != 0,
              .taught = false};
    std::optional<fs_taught> learnt;
    for (Mark& earlier : marks_) {
        if (earlier.flow_id == mark.flow_id || earlier.hops != mark.hops ||
            earlier.tcp_flags != mark.tcp_flags) {
            continue;
        }
        const bool id = mark.id_counts && earlier.id_counts && earlier.ip_id == mark.ip_id;
        const bool window =
            mark.window_counts && earlier.window_counts && earlier.window == mark.window;
        if (!id && !window) {
            continue;
        }
        if (!earlier.taught) {
            learnt = fs_taught{.flags = taught_flags(id, window),
                               .ip_id = mark.ip_id,
                               .window = mark.window,
                               .hops = mark.hops,
                               .tcp_flags = mark.tcp_flags};
        }
        earlier.taught = true;
        mark.taught = true;
    }
    marks_.push_back(mark);
    if (marks_.size() > kCompared) {
        marks_.pop_front();
    }
    return learnt;
}

}  // namespace flowstamp
