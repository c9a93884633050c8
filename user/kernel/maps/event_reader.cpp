// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/event_reader.h"

#include <cstddef>
#include <utility>

namespace flowstamp::kernel {

namespace {

bool carries_flow(std::uint8_t kind) {
    return fst_event_has_flow(kind);
}

/// The header is consistent with itself, the ring's length, and this program's contract.
bool is_known(const fst_record_header& header, std::size_t bytes) {
    if (header.version != FST_CONTRACT_VERSION || header.size != bytes ||
        header.kind < FST_EVENT_RST || header.kind >= FST_EVENT_KINDS) {
        return false;
    }
    return bytes == (carries_flow(header.kind) ? sizeof(fst_flow_event) : sizeof(fst_event));
}

}  // namespace

Result<EventReader> EventReader::open(int ring_fd, Handler handler) {
    auto ring = RecordRing::open(
        ring_fd, "the event ring",
        [handler = std::move(handler)](const void* data, std::size_t bytes) {
            const auto* header = static_cast<const fst_record_header*>(data);
            if (bytes < sizeof(*header) || !is_known(*header, bytes)) {
                return false;
            }
            handler(*static_cast<const fst_event*>(data),
                    carries_flow(header->kind) ? &static_cast<const fst_flow_event*>(data)->flow
                                               : nullptr);
            return true;
        });
    if (!ring) {
        return std::unexpected(std::move(ring).error());
    }
    return EventReader(std::move(*ring));
}

}  // namespace flowstamp::kernel
