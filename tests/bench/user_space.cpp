// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/user_space.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <chrono>

#include "baselines.skel.h"
#include "probe.skel.h"
#include "tests/bench/frames.h"
#include "tests/bench/program_runs.h"
#include "user/kernel/flow_table.h"

namespace flowstamp::bench {
namespace {

/// Milliseconds of one call, the least of several.
template <class Call>
double least_ms(Call&& call) {
    Least least;
    for (int round = 0; round < kRounds; round++) {
        const auto begin = std::chrono::steady_clock::now();
        call();
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - begin;
        least.take(took.count());
    }
    return least.value;
}

/// Every flow copied out of the mapped table, as the watch's scan does it in portions.
void measure_pass(Results& results) {
    constexpr std::uint32_t kFlows = 1'000'000;
    const Baselines baselines = load_baselines(1);
    const LoadedProbe probe = load_probe(kFlows, Mode::observe);
    const Mutated mutated(baselines, Hook::xdp, kFlows);
    mutated.visit_all(bpf_program__fd(probe->progs.flowstamp_xdp_ingress), from_client({}));
    const int map = bpf_map__fd(probe->maps.flows);
    if (bpf_map_freeze(map) != 0) {
        give_up("the flow table cannot be frozen");
    }
    const auto table = FlowTable::map(map, bpf_map__max_entries(probe->maps.flows));
    if (!table) {
        give_up(table.error().message());
    }
    std::uint64_t flows = 0;
    __u64 last_ns = 0;
    const double ms = least_ms([&] {
        flows = 0;
        table->scan(0, table->slots(), [&](std::uint32_t, const fs_flow& flow) {
            flows++;
            last_ns = std::max(last_ns, flow.direction[0].last_ns);
        });
    });
    const std::string section = "User space";
    results.tell({section, "flows in the table", static_cast<double>(flows), ""});
    results.tell({.section = section,
                  .name = "a pass over them",
                  .value = ms,
                  .unit = "ms",
                  .bar = at_most(100)});
}

}  // namespace

void measure_user_space(Results& results) {
    measure_pass(results);
}

}  // namespace flowstamp::bench
