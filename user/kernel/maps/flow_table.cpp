// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/flow_table.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace flowstamp::kernel {

namespace {

/// A writer finishes within a microsecond; this many tries take about ten.
constexpr int kTries = 100;

/// The kernel writes to `from` concurrently: each word is loaded once and whole.
template <class T>
void copy_words(T& to, const T& from) {
    static_assert(sizeof(T) % sizeof(std::uint64_t) == 0);
    const auto* source = reinterpret_cast<const std::uint64_t*>(&from);
    auto* destination = reinterpret_cast<unsigned char*>(&to);
    for (std::size_t i = 0; i < sizeof(T) / sizeof(std::uint64_t); i++) {
        const std::uint64_t word = __atomic_load_n(source + i, __ATOMIC_RELAXED);
        std::memcpy(destination + i * sizeof(word), &word, sizeof(word));
    }
}

/// The part of a flow before the two directions: key, state, handshake and resets.
struct Head {
    std::uint64_t words[offsetof(fst_flow, direction) / sizeof(std::uint64_t)];
};

/// True if `from` was not written while it was copied.
bool copy_direction(fst_direction& to, const fst_direction& from) {
    const auto before = __atomic_load_n(&from.version, __ATOMIC_ACQUIRE);
    copy_words(to, from);
    std::atomic_thread_fence(std::memory_order_acquire);
    const auto after = __atomic_load_n(&from.version, __ATOMIC_RELAXED);
    return before == after && (before & 1) == 0;
}

}  // namespace

Result<FlowTable> FlowTable::map(int map_fd, std::uint32_t slots) {
    const std::size_t page = 4096;
    const std::size_t bytes = (std::size_t{slots} * sizeof(fst_flow) + page - 1) / page * page;
    void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, map_fd, 0);
    if (memory == MAP_FAILED) {
        return fail_errno("map", "the flow table", errno);
    }
    return FlowTable(static_cast<const fst_flow*>(memory), slots, bytes);
}

FlowTable::FlowTable(FlowTable&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)),
      slots_(std::exchange(other.slots_, 0)),
      bytes_(std::exchange(other.bytes_, 0)) {}

FlowTable& FlowTable::operator=(FlowTable&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(slots_, other.slots_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

FlowTable::~FlowTable() {
    if (table_ != nullptr) {
        ::munmap(const_cast<fst_flow*>(table_), bytes_);
    }
}

std::optional<fst_flow> FlowTable::read(std::uint32_t slot) const {
    fst_flow copy;
    return read(slot, copy) ? std::optional(copy) : std::nullopt;
}

bool FlowTable::read(std::uint32_t slot, fst_flow& copy) const {
    const fst_flow& source = at(slot);
    for (int i = 0; i < kTries; i++) {
        const auto tag = __atomic_load_n(&source.tag, __ATOMIC_ACQUIRE);
        if (tag <= FST_TAG_BUSY) {
            return false;
        }
        const auto generation = __atomic_load_n(&source.generation, __ATOMIC_ACQUIRE);
        copy_words(reinterpret_cast<Head&>(copy), reinterpret_cast<const Head&>(source));
        const bool whole = copy_direction(copy.direction[0], source.direction[0]) &&
                           copy_direction(copy.direction[1], source.direction[1]);
        std::atomic_thread_fence(std::memory_order_acquire);
        const bool same = __atomic_load_n(&source.tag, __ATOMIC_RELAXED) == tag &&
                          __atomic_load_n(&source.generation, __ATOMIC_RELAXED) == generation;
        if (whole && same) {
            return true;
        }
    }
    return false;
}

}  // namespace flowstamp::kernel
