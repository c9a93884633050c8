// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/stale_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "user/kernel/attach/clsact.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/kernel/maps/run_record.h"

namespace flowstamp::kernel {

namespace {

struct Stubs {
    bool removed = false;  ///< stubs of dead runs were found and removed
    bool remain = false;   ///< stubs of live runs, or of one that died just now
};

Stubs remove_stale_stubs(std::uint32_t ifindex) {
    Stubs stubs;
    for (const TcDirection direction : {TcDirection::ingress, TcDirection::egress}) {
        for (const TcFilter& stub : stubs_on(ifindex, direction)) {
            const bool removed = is_stale(stub) && remove_tc_filter(ifindex, direction, stub);
            (removed ? stubs.removed : stubs.remain) = true;
        }
    }
    return stubs;
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

/// Removes the stubs and qdiscs that the run left in this network namespace. True if nothing is
/// left. Otherwise its record must stay: a qdisc is in another namespace, or still in use.
bool remove_qdiscs(const RunName& run) {
    const Result<RunRecord> record = read_run_record(run);
    if (!record) {
        return true;
    }
    const std::uint64_t here = NetNamespace::of_this_thread().inode();
    bool all = true;
    for (const RunRecord::Qdisc& qdisc : record->qdiscs) {
        if (qdisc.netns == here) {
            all &= !remove_stale_stubs(qdisc.ifindex).remain;
            remove_empty_clsact(qdisc.ifindex);
        } else if (net_namespace_exists(qdisc.netns)) {
            all = false;
        }
    }
    return all;
}

}  // namespace

Notices remove_stale_state(const std::vector<Interface>& interfaces) {
    Notices notices;
    for (const Interface& interface : interfaces) {
        if (remove_stale_stubs(interface.index).removed) {
            notices.push_back(
                {fmt::format("{}: removed the tc stub of a dead watch", interface.name)});
        }
    }
    for (const RunName& run : dead_runs()) {
        if (remove_qdiscs(run) ? unregister(run) : unpin(run)) {
            notices.push_back(
                {fmt::format("removed the stale state of a dead watch (process {})", run.pid)});
        }
    }
    return notices;
}

}  // namespace flowstamp::kernel
