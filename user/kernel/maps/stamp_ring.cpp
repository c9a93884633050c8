// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Layout: Linux, kernel/bpf/ringbuf.c. Pages: the consumer's position, the producer's position, the
// data twice. A record is preceded by 8 bytes: its length and flags (32 bits), and an offset.
#include "user/kernel/maps/stamp_ring.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace flowstamp::kernel {

namespace {

constexpr std::uint32_t kFlags = BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT;

std::size_t page_bytes() {
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Space of a record: its header, and its bytes in whole words.
std::uint64_t room_of(std::uint32_t length) {
    return (std::uint64_t{length & ~kFlags} + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
}

/// Reports wake-ups, not that there are records: edge-triggered (epoll(7)).
Result<Fd> epoll_of(int ring_fd) {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
    if (!epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ring_fd, &event) != 0) {
        return fail_errno("wait for", "the ring of stamps", errno);
    }
    return epoll;
}

}  // namespace

Result<StampRing> StampRing::map(int ring_fd) {
    bpf_map_info info{};
    std::uint32_t info_bytes = sizeof(info);
    if (const int error = bpf_map_get_info_by_fd(ring_fd, &info, &info_bytes); error != 0) {
        return fail_errno("open", "the ring of stamps", error);
    }
    auto wake_ups = epoll_of(ring_fd);
    if (!wake_ups) {
        return std::unexpected(std::move(wake_ups).error());
    }
    StampRing ring;
    ring.wake_ups_ = std::move(*wake_ups);
    ring.bytes_ = info.max_entries;
    const std::size_t page = page_bytes();
    void* consumer = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
    if (consumer == MAP_FAILED) {
        return fail_errno("map", "the ring of stamps", errno);
    }
    ring.consumer_ = static_cast<std::uint64_t*>(consumer);
    void* rest = ::mmap(nullptr, page + 2 * ring.bytes_, PROT_READ, MAP_SHARED, ring_fd,
                        static_cast<off_t>(page));
    if (rest == MAP_FAILED) {
        return fail_errno("map", "the ring of stamps", errno);
    }
    ring.producer_ = static_cast<const std::uint64_t*>(rest);
    ring.data_ = static_cast<const std::byte*>(rest) + page;
    ring.read_ = *ring.consumer_;
    return ring;
}

StampRing::StampRing(StampRing&& other) noexcept {
    *this = std::move(other);
}

StampRing& StampRing::operator=(StampRing&& other) noexcept {
    std::swap(wake_ups_, other.wake_ups_);
    std::swap(consumer_, other.consumer_);
    std::swap(producer_, other.producer_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(read_, other.read_);
    return *this;
}

StampRing::~StampRing() {
    if (consumer_ != nullptr) {
        ::munmap(consumer_, page_bytes());
    }
    if (producer_ != nullptr) {
        ::munmap(const_cast<std::uint64_t*>(producer_), page_bytes() + 2 * bytes_);
    }
}

const std::uint32_t& StampRing::length_at(std::uint64_t position) const {
    return *reinterpret_cast<const std::uint32_t*>(data_ + (position & (bytes_ - 1)));
}

std::uint64_t StampRing::end() const {
    return __atomic_load_n(producer_, __ATOMIC_ACQUIRE);
}

std::optional<StampRing::Record> StampRing::next(std::uint64_t end) {
    while (read_ < end) {
        const std::uint32_t& at = length_at(read_);
        const std::uint32_t length = __atomic_load_n(&at, __ATOMIC_ACQUIRE);
        if (length & BPF_RINGBUF_BUSY_BIT) {
            break;
        }
        read_ += room_of(length);
        if (!(length & BPF_RINGBUF_DISCARD_BIT)) {
            const auto* record = reinterpret_cast<const std::byte*>(&at) + BPF_RINGBUF_HDR_SZ;
            return Record(record, length);
        }
    }
    return std::nullopt;
}

void StampRing::release(std::size_t count) {
    std::uint64_t position = *consumer_;
    while (count > 0 && position < read_) {
        const std::uint32_t length = length_at(position);
        count -= length & BPF_RINGBUF_DISCARD_BIT ? 0 : 1;
        position += room_of(length);
    }
    if (position != *consumer_) {
        __atomic_store_n(consumer_, position, __ATOMIC_RELEASE);
    }
}

Result<bool> StampRing::wait(Nanoseconds timeout) {
    const auto most = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    epoll_event event{};
    const int woken = ::epoll_wait(wake_ups_.get(), &event, 1, static_cast<int>(most));
    if (woken < 0 && errno != EINTR) {
        return fail_errno("wait for", "the ring of stamps", errno);
    }
    return woken > 0;
}

}  // namespace flowstamp::kernel
