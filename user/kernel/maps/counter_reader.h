// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "flowstamp/counter.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

/// Indexed by enum fst_counter.
using Counters = std::array<std::uint64_t, FST_COUNT_MAX>;

/// Sums each counter over all CPUs: the map is a per-CPU array with one element, as many counters as `sums`
/// holds. `object` names them in errors. Does not own `map_fd`.
[[nodiscard]] Status sum_counters(int map_fd, const std::string& object,
                                  std::span<std::uint64_t> sums);

/// Reads the data path's counters, which count up from 0 at load.
class CounterReader {
  public:
    /// Does not own `map_fd`.
    explicit CounterReader(int map_fd) : map_fd_(map_fd) {}

    /// Each counter's sum over all CPUs.
    [[nodiscard]] Result<Counters> read() const;

  private:
    int map_fd_;
};

}  // namespace flowstamp::kernel
