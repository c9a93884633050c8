// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "flowstamp/flow.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

/// The kernel's flow table, mapped read-only while the programs write to it. Slot numbers are those
/// of fst_event.slot.
class FlowTable {
  public:
    /// Maps the map `map_fd` of `slots` entries; does not keep the descriptor. The map must be
    /// frozen, or user space could write to it.
    [[nodiscard]] static Result<FlowTable> map(int map_fd, std::uint32_t slots);

    FlowTable() = default;
    FlowTable(FlowTable&& other) noexcept;
    FlowTable& operator=(FlowTable&& other) noexcept;
    FlowTable(const FlowTable&) = delete;
    FlowTable& operator=(const FlowTable&) = delete;
    ~FlowTable();

    [[nodiscard]] std::uint32_t slots() const { return slots_; }

    /// A snapshot of the flow in `slot`: each direction is consistent in itself, and key,
    /// generation and both directions belong to one flow. Nothing if the slot is free, or was being
    /// written in each of a few tries (a flow that busy will be there next time).
    [[nodiscard]] std::optional<fst_flow> read(std::uint32_t slot) const;

    /// Calls `visit(slot, flow)` for the flows of slots [first, first + count), cut at the table's
    /// end. Returns the slot to continue with, or 0 at the end: for a scan in portions.
    template <class Visit>
    std::uint32_t scan(std::uint32_t first, std::uint32_t count, Visit&& visit) const {
        fst_flow flow;
        first = first < slots() ? first : slots();
        const std::uint32_t end = count < slots() - first ? first + count : slots();
        for (std::uint32_t slot = first; slot < end; slot++) {
            fetch_ahead(slot);
            if (is_used(slot)) {
                if (read(slot, flow)) {
                    visit(slot, flow);
                }
            }
        }
        return end == slots() ? 0 : end;
    }

    /// The same for `count` slots that hold a flow, however far apart.
    template <class Visit>
    std::uint32_t scan_used(std::uint32_t first, std::uint32_t count, Visit&& visit) const {
        fst_flow flow;
        for (std::uint32_t slot = first; slot < slots(); slot++) {
            if (!is_used(slot)) {
                continue;
            }
            if (count-- == 0) {
                return slot;
            }
            if (read(slot, flow)) {
                visit(slot, flow);
            }
        }
        return 0;
    }

  private:
    FlowTable(const fst_flow* table, std::uint32_t slots, std::size_t bytes)
        : table_(table), slots_(slots), bytes_(bytes) {}

    [[nodiscard]] const fst_flow& at(std::uint32_t slot) const { return table_[slot]; }
    [[nodiscard]] bool is_used(std::uint32_t slot) const {
        return __atomic_load_n(&at(slot).tag, __ATOMIC_RELAXED) > FST_TAG_BUSY;
    }

    /// A scan is limited by memory latency: prefetches the slots ahead, of a free one only its tag.
    void fetch_ahead(std::uint32_t slot) const {
        constexpr std::uint32_t kSoon = 4, kLater = 12, kLine = 64;
        if (slot + kLater < slots()) {
            __builtin_prefetch(&at(slot + kLater).tag);
            if (is_used(slot + kSoon)) {
                const auto* flow = reinterpret_cast<const char*>(&at(slot + kSoon));
                for (std::size_t line = 0; line < sizeof(fst_flow); line += kLine) {
                    __builtin_prefetch(flow + line);
                }
            }
        }
    }

    [[nodiscard]] bool read(std::uint32_t slot, fst_flow& copy) const;

    const fst_flow* table_ = nullptr;
    std::uint32_t slots_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace flowstamp::kernel
