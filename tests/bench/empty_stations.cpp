// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Attaches empty programs at all stations that `path` would use on these interfaces: the baseline
// for `path`. Reports on standard error when they are attached, and runs until a signal.
// Usage, as root: flowstamp_bench_stations INTERFACE...
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "stations.skel.h"
#include "user/netfilter/read_ruleset.h"
#include "user/pathtrace/station_plan.h"

namespace {

namespace pathtrace = flowstamp::pathtrace;

[[noreturn]] void die(std::string_view what) {
    fmt::print(stderr, "bench: {}\n", what);
    std::exit(1);
}

/// The link's descriptor, which keeps it attached; negative if the kernel refused.
int attach(const pathtrace::Station& station, const stations_bpf& programs) {
    if (station.kind == pathtrace::Station::Kind::netfilter) {
        LIBBPF_OPTS(bpf_link_create_opts, options);
        options.netfilter.pf = station.pf;
        options.netfilter.hooknum = station.hook;
        options.netfilter.priority = station.priority;
        return bpf_link_create(bpf_program__fd(programs.progs.stations_netfilter), 0, BPF_NETFILTER,
                               &options);
    }
    const auto interface = static_cast<int>(if_nametoindex(station.interface.c_str()));
    return bpf_link_create(
        bpf_program__fd(programs.progs.stations_tc), interface,
        station.kind == pathtrace::Station::Kind::tc_ingress ? BPF_TCX_INGRESS : BPF_TCX_EGRESS,
        nullptr);
}

}  // namespace

int main(int count, char** words) {
    const std::vector<std::string> interfaces(words + 1, words + count);
    const auto ruleset = flowstamp::netfilter::read_ruleset();
    if (interfaces.empty() || !ruleset) {
        die(interfaces.empty() ? "no interface given" : ruleset.error().message());
    }
    const stations_bpf* programs = stations_bpf__open_and_load();
    if (programs == nullptr) {
        die("cannot load programs: run as root");
    }
    int attached = 0;
    for (const pathtrace::Station& station : pathtrace::plan_stations(*ruleset, interfaces)) {
        attached += attach(station, *programs) >= 0 ? 1 : 0;
    }
    fmt::print(stderr, "flowstamp: following {} empty stations\n", attached);
    pause();
}
