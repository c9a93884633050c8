// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/record_ring.h"

#include <bpf/libbpf.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

namespace flowstamp::kernel {

/// On the heap, so that its address, which libbpf keeps, is stable when the reader is moved.
struct RecordRing::Ring {
    Ring(std::string its_name, Handler given)
        : name(std::move(its_name)), handler(std::move(given)) {}
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() { ring_buffer__free(buffer); }

    /// A return value other than 0 stops reading after this record.
    static int handle_record(void* self, void* data, std::size_t bytes) {
        Ring& ring = *static_cast<Ring*>(self);
        ring.rejected += !ring.handler(data, bytes);
        ring.consumed++;
        ring.there -= std::min(ring.there, room_of(bytes));
        return ring.there > 0 ? 0 : kEnough;
    }

    /// Space a record takes in the ring: a header before it, and padding to whole words.
    static std::size_t room_of(std::size_t bytes) { return (bytes + 7) / 8 * 8 + 8; }

    static constexpr int kEnough = -ECANCELED;

    std::string name;
    Handler handler;
    std::uint64_t rejected = 0;
    std::uint64_t consumed = 0;
    std::size_t found = 0;  ///< bytes there at the start
    std::size_t there = 0;  ///< bytes still to read of what was there at the start
    ring_buffer* buffer = nullptr;
};

Result<RecordRing> RecordRing::open(int ring_fd, std::string name, Handler handler) {
    auto ring = std::make_unique<Ring>(std::move(name), std::move(handler));
    ring->buffer = ring_buffer__new(ring_fd, &Ring::handle_record, ring.get(), nullptr);
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
    pollfd woken{.fd = epoll_fd(), .events = POLLIN, .revents = 0};
    const int most = std::numeric_limits<int>::max();
    if (::poll(&woken, 1, static_cast<int>(std::clamp<std::int64_t>(wait, 0, most))) < 0 &&
        errno != EINTR) {
        return fail_errno("read", ring_->name, errno);
    }
    return consume();  // most records arrive without a wake-up
}

Result<std::uint64_t> RecordRing::consume() {
    ring_->consumed = 0;
    ring_->there = ring__avail_data_size(ring_buffer__ring(ring_->buffer, 0));
    ring_->found = ring_->there;
    const int result = ring_->there > 0 ? ring_buffer__consume(ring_->buffer) : 0;
    if (result < 0 && result != Ring::kEnough) {
        return fail_errno("read", ring_->name, result);
    }
    return ring_->consumed;
}

std::uint64_t RecordRing::rejected() const {
    return ring_->rejected;
}

std::size_t RecordRing::found_bytes() const {
    return ring_->found;
}

std::size_t RecordRing::size_bytes() const {
    return ring__size(ring_buffer__ring(ring_->buffer, 0));
}

int RecordRing::epoll_fd() const {
    return ring_buffer__epoll_fd(ring_->buffer);
}

}  // namespace flowstamp::kernel
