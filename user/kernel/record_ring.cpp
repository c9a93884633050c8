// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/record_ring.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

namespace flowstamp {

/// Stands still while the reader moves: libbpf keeps its address.
struct RecordRing::Ring {
    Ring(std::string its_name, Take given) : name(std::move(its_name)), take(std::move(given)) {}
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() { ring_buffer__free(buffer); }

    static int take_record(void* self, void* data, std::size_t bytes) {
        Ring& ring = *static_cast<Ring*>(self);
        ring.rejected += !ring.take(data, bytes);
        return 0;
    }

    std::string name;
    Take take;
    std::uint64_t rejected = 0;
    ring_buffer* buffer = nullptr;
};

Result<RecordRing> RecordRing::open(int ring_fd, std::string name, Take take) {
    auto ring = std::make_unique<Ring>(std::move(name), std::move(take));
    ring->buffer = ring_buffer__new(ring_fd, &Ring::take_record, ring.get(), nullptr);
    if (ring->buffer == nullptr) {
        return fail_errno("open", ring->name, errno);
    }
    return RecordRing(std::move(ring));
}

RecordRing::RecordRing(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}
RecordRing::RecordRing(RecordRing&&) noexcept = default;
RecordRing& RecordRing::operator=(RecordRing&&) noexcept = default;
RecordRing::~RecordRing() = default;

Result<std::uint64_t> RecordRing::poll(Nanoseconds timeout) {
    Result<std::uint64_t> there = consume();
    if (!there || *there > 0) {
        return there;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    const int count = ring_buffer__poll(
        ring_->buffer,
        static_cast<int>(std::clamp<std::int64_t>(wait, 0, std::numeric_limits<int>::max())));
    if (count < 0 && count != -EINTR) {
        return fail_errno("read", ring_->name, count);
    }
    Result<std::uint64_t> since = consume();  // most records come without a wake-up
    if (since && count > 0) {
        *since += static_cast<std::uint64_t>(count);
    }
    return since;
}

Result<std::uint64_t> RecordRing::consume() {
    const int count = ring_buffer__consume(ring_->buffer);
    if (count < 0) {
        return fail_errno("read", ring_->name, count);
    }
    return static_cast<std::uint64_t>(count);
}

std::uint64_t RecordRing::rejected() const {
    return ring_->rejected;
}

int RecordRing::epoll_fd() const {
    return ring_buffer__epoll_fd(ring_->buffer);
}

}  // namespace flowstamp
