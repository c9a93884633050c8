// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Work in a thread of its own, for what changes a thread for good, like entering a network namespace.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace flowstamp {

/// Waits until `work` is done; throws what it throws.
void run_in_own_thread(const std::function<void()>& work);

/// The same for work with a result, which need not have a default.
template <class Work>
auto in_own_thread(Work&& work) -> std::invoke_result_t<Work> {
    using Made = std::invoke_result_t<Work>;
    if constexpr (std::is_void_v<Made>) {
        run_in_own_thread(std::ref(work));
    } else {
        std::optional<Made> made;
        run_in_own_thread([&] { made.emplace(work()); });
        return std::move(*made);
    }
}

}  // namespace flowstamp
