// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/event_reader.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>
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

/// Stands still while the reader moves: libbpf keeps its address.
struct EventReader::Ring {
    explicit Ring(Handler given) : handler(std::move(given)) {}
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() { ring_buffer__free(buffer); }

    static int take(void* self, void* data, std::size_t bytes) {
        static_cast<Ring*>(self)->take_record(data, bytes);
        return 0;
    }

    void take_record(const void* data, std::size_t bytes) {
        const auto* header = static_cast<const fs_record_header*>(data);
        if (bytes < sizeof(*header) || !is_known(*header, bytes)) {
            rejected++;
            return;
        }
        const fs_flow* flow =
            carries_flow(header->kind) ? &static_cast<const fs_flow_event*>(data)->flow : nullptr;
        handler(*static_cast<const fs_event*>(data), flow);
    }

    Handler handler;
    std::uint64_t rejected = 0;
    ring_buffer* buffer = nullptr;
};

Result<EventReader> EventReader::open(int ring_fd, Handler handler) {
    auto ring = std::make_unique<Ring>(std::move(handler));
    ring->buffer = ring_buffer__new(ring_fd, &Ring::take, ring.get(), nullptr);
    if (ring->buffer == nullptr) {
        return fail_errno("open", "the event ring", errno);
    }
    return EventReader(std::move(ring));
}

EventReader::EventReader(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

Result<std::uint64_t> EventReader::poll(Nanoseconds timeout) {
    Result<std::uint64_t> there = consume();
    if (!there || *there > 0) {
        return there;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    const int count = ring_buffer__poll(
        ring_->buffer,
        static_cast<int>(std::clamp<std::int64_t>(wait, 0, std::numeric_limits<int>::max())));
    if (count < 0 && count != -EINTR) {
        return fail_errno("read", "the event ring", count);
    }
    Result<std::uint64_t> since = consume();  // most records come without a wake-up
    if (since && count > 0) {
        *since += static_cast<std::uint64_t>(count);
    }
    return since;
}

Result<std::uint64_t> EventReader::consume() {
    const int count = ring_buffer__consume(ring_->buffer);
    if (count < 0) {
        return fail_errno("read", "the event ring", count);
    }
    return static_cast<std::uint64_t>(count);
}

std::uint64_t EventReader::rejected() const {
    return ring_->rejected;
}

int EventReader::epoll_fd() const {
    return ring_buffer__epoll_fd(ring_->buffer);
}

}  // namespace flowstamp
