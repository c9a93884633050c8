// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/event_reader.h"

#include <cstddef>
#include <utility>

namespace flowstamp {

namespace {

bool carries_flow(std::uint8_t kind) {
    return fs_event_has_flow(kind);
}

/// The header agrees with itself, with the ring's own length, and with this program's contract.
bool is_known(const fs_record_header& header, std::size_t bytes) {
    if (header.version != FS_CONTRACT_VERSION || header.size != bytes ||
        header.kind < FS_EVENT_RST || header.kind >= FS_EVENT_KINDS) {
        return false;
    }
    return bytes == (carries_flow(header.kind) ? sizeof(fs_flow_event) : sizeof(fs_event));
}

}  // namespace

Result<EventReader> EventReader::open(int ring_fd, Handler handler) {
    auto ring = RecordRing::open(
        ring_fd, "the event ring",
        [handler = std::move(handler)](const void* data, std::size_t bytes) {
            const auto* header = static_cast<const fs_record_header*>(data);
            if (bytes < sizeof(*header) || !is_known(*header, bytes)) {
                return false;
            }
            handler(*static_cast<const fs_event*>(data),
                    carries_flow(header->kind) ? &static_cast<const fs_flow_event*>(data)->flow
                                               : nullptr);
            return true;
        });
    if (!ring) {
        return std::unexpected(std::move(ring).error());
    }
    return EventReader(std::move(*ring));
}

}  // namespace flowstamp
