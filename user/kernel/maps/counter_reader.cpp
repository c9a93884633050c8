// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/counter_reader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <numeric>
#include <vector>

namespace flowstamp::kernel {

Result<Counters> CounterReader::read() const {
    const int cpus = libbpf_num_possible_cpus();
    if (cpus < 0) {
        return fail_errno("count the CPUs", "", cpus);
    }
    std::vector<std::uint64_t> values(static_cast<std::size_t>(cpus));
    Counters sums{};
    for (std::uint32_t i = 0; i < FST_COUNT_MAX; i++) {
        const int error = bpf_map_lookup_elem(map_fd_, &i, values.data());
        if (error != 0) {
            return fail_errno("read", "the counters", error);
        }
        sums[i] = std::accumulate(values.begin(), values.end(), std::uint64_t{0});
    }
    return sums;
}

}  // namespace flowstamp::kernel
