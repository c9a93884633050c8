// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/counter_reader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <vector>

namespace flowstamp::kernel {

Status sum_counters(int map_fd, const std::string& object, std::span<std::uint64_t> sums) {
    const int cpus = libbpf_num_possible_cpus();
    if (cpus < 0) {
        return fail_errno("count the CPUs", "", cpus);
    }
    const std::uint32_t only = 0;
    std::vector<std::uint64_t> values(static_cast<std::size_t>(cpus) * sums.size());
    const int error = bpf_map_lookup_elem(map_fd, &only, values.data());
    if (error != 0) {
        return fail_errno("read", object, error);
    }
    std::ranges::fill(sums, 0);
    for (std::size_t i = 0; i < values.size(); i++) {
        sums[i % sums.size()] += values[i];
    }
    return {};
}

Result<Counters> CounterReader::read() const {
    Counters sums{};
    const Status summed = sum_counters(map_fd_, "the counters", sums);
    return summed ? Result<Counters>(sums) : std::unexpected(summed.error());
}

}  // namespace flowstamp::kernel
