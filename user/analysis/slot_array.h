// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace flowstamp::analysis {

/// An element for each slot of the flow table, all bytes 0 at first. Pages that were never written
/// take no memory: a table is often larger than what passes through it.
template <class T>
class SlotArray {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    explicit SlotArray(std::size_t slots)
        : elements_(static_cast<T*>(std::calloc(slots, sizeof(T)))), slots_(slots) {
        if (elements_ == nullptr && slots != 0) {
            throw std::bad_alloc();
        }
    }

    [[nodiscard]] std::size_t size() const { return slots_; }
    /// `slot` < size().
    [[nodiscard]] T& operator[](std::size_t slot) { return elements_.get()[slot]; }
    [[nodiscard]] const T& operator[](std::size_t slot) const { return elements_.get()[slot]; }

  private:
    struct Free {
        void operator()(T* elements) const { std::free(elements); }
    };
    std::unique_ptr<T, Free> elements_;
    std::size_t slots_;
};

}  // namespace flowstamp::analysis
