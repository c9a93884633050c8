// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/flow_memory.h"

namespace flowstamp::lab {

void FlowMemory::observe(Side from, const Segment& segment) {
    if (segment.has(Rst)) {
        return;
    }
    SideMemory& sender = from == Side::Client ? client_ : server_;
    if (!sender.last || segment.has(Syn)) {
        sender.next_seq = segment.end();
        sender.payload_bytes = segment.payload_bytes;
    } else if (seq_before(sender.next_seq, segment.end())) {
        const std::uint32_t fresh = segment.end() - sender.next_seq;
        sender.payload_bytes += fresh - (segment.has(Fin) ? 1 : 0);
        sender.next_seq = segment.end();
    }
    if (segment.has(Ack)) {
        sender.acknowledged = segment.ack;
    }
    sender.last = segment;
}

}  // namespace flowstamp::lab
