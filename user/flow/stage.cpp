// SPDX-License-Identifier: Apache-2.0
#include "user/flow/stage.h"

#include "user/flow/names.h"
#include "user/flow/stamps.h"

namespace flowstamp {

namespace {

/// Pushes of data that is not sent again. What the ring no longer holds does not count, so this is
/// for a direction that it holds whole.
int pushes(const fs_direction& own) {
    int pushed = 0;
    int syns = 0;
    for (const fs_stamp& stamp : stamps_of(own)) {
        pushed += (stamp.tcp_flags & FS_TCP_PSH) != 0 && (stamp.tcp_flags & FS_TCP_RST) == 0;
        syns += (stamp.tcp_flags & FS_TCP_SYN) != 0;
    }
    const int syns_again = syns > 1 ? syns - 1 : 0;
    return pushed - (own.retransmitted - syns_again);
}

}  // namespace

std::optional<Stage> stage_of(const fs_flow& flow) {
    const unsigned opener = opener_of(flow);
    if ((flow.state & FS_FLOW_MIDWAY) || !(flow.state & FS_OF(FS_FLOW_SYN, opener))) {
        return std::nullopt;
    }
    const fs_direction& own = flow.direction[opener];
    if (!(own.flags & FS_DIRECTION_ACKED)) {
        return Stage::syn;
    }
    if (!(own.flags & FS_DIRECTION_DATA)) {
        return Stage::ack;
    }
    return own.packets > FS_RING_STAMPS || pushes(own) > 1 ? Stage::later : Stage::psh;
}

std::string_view name_of(Stage stage) {
    switch (stage) {
        case Stage::syn:
            return "syn";
        case Stage::ack:
            return "ack";
        case Stage::psh:
            return "psh";
        case Stage::later:
            break;
    }
    return "later";
}

}  // namespace flowstamp
