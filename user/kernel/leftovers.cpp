// SPDX-License-Identifier: Apache-2.0
#include "user/kernel/leftovers.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "user/kernel/clsact.h"
#include "user/kernel/net_namespace.h"
#include "user/kernel/run_record.h"

namespace flowstamp {

namespace {

/// True if there were any.
bool remove_stale_stubs(std::uint32_t ifindex) {
    bool removed = false;
    for (const TcDirection direction : {TcDirection::ingress, TcDirection::egress}) {
        for (const TcFilter& stub : stale_stubs(ifindex, direction)) {
            removed |= remove_tc_filter(ifindex, direction, stub);
        }
    }
    return removed;
}

std::vector<RunName> dead_runs() {
    std::vector<RunName> runs = run_names(kRunFolder, kRecordPrefix);
    for (const RunName& pinned : run_names(kPinFolder, kPinPrefix)) {
        if (std::ranges::find(runs, pinned) == runs.end()) {
            runs.push_back(pinned);
        }
    }
    std::erase_if(runs, [](const RunName& run) { return run.is_alive(); });
    return runs;
}

/// The stubs of its other interfaces, and the qdiscs that it created: those of this network
/// namespace. Elsewhere, who next watches there removes the stubs.
void remove_qdiscs(const RunName& run) {
    const Result<RunRecord> record = read_run_record(run);
    if (!record) {
        return;
    }
    const std::uint64_t here = NetNamespace::of_this_thread().inode();
    for (const RunRecord::Qdisc& qdisc : record->qdiscs) {
        if (qdisc.netns == here) {
            remove_stale_stubs(qdisc.ifindex);
            remove_empty_clsact(qdisc.ifindex);
        }
    }
}

}  // namespace

Notices remove_leftovers(const std::vector<Interface>& interfaces) {
    Notices notices;
    for (const Interface& interface : interfaces) {
        if (remove_stale_stubs(interface.index)) {
            notices.push_back({fmt::format(
                "{}: removed the tc stub that a watch which died had left", interface.name)});
        }
    }
    for (const RunName& run : dead_runs()) {
        remove_qdiscs(run);
        if (unregister(run)) {
            notices.push_back(
                {fmt::format("removed what a watch which died (process {}) had left", run.pid)});
        }
    }
    return notices;
}

}  // namespace flowstamp
