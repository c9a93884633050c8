// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/path_reader.h"

#include <cstddef>
#include <utility>

namespace flowstamp::pathtrace {

namespace {

bool is_known(const fst_record_header& header, std::size_t bytes) {
    return header.version == FST_CONTRACT_VERSION && header.size == bytes &&
           header.kind >= FST_PATH_STATION && header.kind < FST_PATH_KINDS &&
           bytes == sizeof(fst_path_event);
}

}  // namespace

Result<PathReader> PathReader::open(int ring_fd, Handler handler) {
    auto ring = kernel::RecordRing::open(
        ring_fd, "the path's event ring",
        [handler = std::move(handler)](const void* data, std::size_t bytes) {
            const auto* header = static_cast<const fst_record_header*>(data);
            if (bytes < sizeof(*header) || !is_known(*header, bytes)) {
                return false;
            }
            handler(*static_cast<const fst_path_event*>(data));
            return true;
        });
    if (!ring) {
        return std::unexpected(std::move(ring).error());
    }
    return PathReader(std::move(*ring));
}

}  // namespace flowstamp::pathtrace
