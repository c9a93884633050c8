// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/path_reader.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <utility>

namespace flowstamp {

namespace {

bool is_known(const fs_record_header& header, std::size_t bytes) {
    return header.version == FS_CONTRACT_VERSION && header.size == bytes &&
           header.kind >= FS_PATH_STATION && header.kind < FS_PATH_KINDS &&
           bytes == sizeof(fs_path_event);
}

}  // namespace

/// Stands still while the reader moves: libbpf keeps its address.
struct PathReader::Ring {
    explicit Ring(Handler given) : handler(std::move(given)) {}
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() { ring_buffer__free(buffer); }

    static int take(void* self, void* data, std::size_t bytes) {
        Ring& ring = *static_cast<Ring*>(self);
        const auto* header = static_cast<const fs_record_header*>(data);
        if (bytes < sizeof(*header) || !is_known(*header, bytes)) {
            ring.rejected++;
        } else {
            ring.handler(*static_cast<const fs_path_event*>(data));
        }
        return 0;
    }

    Handler handler;
    std::uint64_t rejected = 0;
    ring_buffer* buffer = nullptr;
};

Result<PathReader> PathReader::open(int ring_fd, Handler handler) {
    auto ring = std::make_unique<Ring>(std::move(handler));
    ring->buffer = ring_buffer__new(ring_fd, &Ring::take, ring.get(), nullptr);
    if (ring->buffer == nullptr) {
        return fail_errno("open", "the path's event ring", errno);
    }
    return PathReader(std::move(ring));
}

PathReader::PathReader(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}
PathReader::PathReader(PathReader&&) noexcept = default;
PathReader& PathReader::operator=(PathReader&&) noexcept = default;
PathReader::~PathReader() = default;

Result<std::uint64_t> PathReader::poll(Nanoseconds timeout) {
    Result<std::uint64_t> there = consume();
    if (!there || *there > 0) {
        return there;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    const int count = ring_buffer__poll(
        ring_->buffer,
        static_cast<int>(std::clamp<std::int64_t>(wait, 0, std::numeric_limits<int>::max())));
    if (count < 0 && count != -EINTR) {
        return fail_errno("read", "the path's event ring", count);
    }
    return static_cast<std::uint64_t>(std::max(count, 0));
}

Result<std::uint64_t> PathReader::consume() {
    const int count = ring_buffer__consume(ring_->buffer);
    if (count < 0) {
        return fail_errno("read", "the path's event ring", count);
    }
    return static_cast<std::uint64_t>(count);
}

std::uint64_t PathReader::rejected() const {
    return ring_->rejected;
}

int PathReader::epoll_fd() const {
    return ring_buffer__epoll_fd(ring_->buffer);
}

}  // namespace flowstamp
