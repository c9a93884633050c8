// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/pinned_table.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "user/base/fd.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/kernel/attach/stale_state.h"

namespace flowstamp::kernel {

namespace {

/// Opens the flow table by its pin, or, without a BPF file system, by its id (takes CAP_SYS_ADMIN).
Result<Fd> open_map(const RunName& run) {
    Fd map(bpf_obj_get(run.pin_path().c_str()));
    if (!map) {
        map = Fd(bpf_map_get_fd_by_id(run.map_id));
    }
    if (!map) {
        return fail_errno("open its flow table", fmt::format("watch of process {}", run.pid), errno,
                          "run as root");
    }
    return map;
}

/// Ids are reused, and any privileged process may pin: check the map's shape before trusting it.
Result<FlowTable> map_table(const RunName& run) {
    const Result<Fd> map = open_map(run);
    if (!map) {
        return std::unexpected(map.error());
    }
    bpf_map_info info{};
    __u32 bytes = sizeof(info);
    if (bpf_map_get_info_by_fd(map->get(), &info, &bytes) != 0 || info.type != BPF_MAP_TYPE_ARRAY ||
        info.value_size != sizeof(fst_flow) || std::string_view(info.name) != "flows") {
        return fail({.operation = "open its flow table",
                     .object = fmt::format("watch of process {}", run.pid),
                     .reason = "that is not a flow table of this build of flowstamp",
                     .hint = "its flows are left out"});
    }
    return FlowTable::map(map->get(), info.max_entries);
}

Result<PinnedTable> open_table(const RunningWatch& watch) {
    if (watch.record.version != FST_CONTRACT_VERSION) {
        return fail({.operation = "open its flow table",
                     .object = fmt::format("watch of process {}", watch.name.pid),
                     .reason = "it is another version of flowstamp",
                     .hint = "its flows are left out"});
    }
    Result<FlowTable> flows = map_table(watch.name);
    if (!flows) {
        return std::unexpected(flows.error());
    }
    return PinnedTable{watch.name.pid, watch.record.interfaces, *std::move(flows),
                       watch.record.learns, watch.record.learned};
}

}  // namespace

Result<RunningWatches> find_running_watches() {
    if (::access(kRunFolder, F_OK) == 0 && ::access(kRunFolder, R_OK | X_OK) != 0) {
        return fail_errno("look for running watches", kRunFolder, errno, "run as root");
    }
    RunningWatches result{.watches = {}, .notices = remove_stale_state({})};
    for (const RunName& run : run_names(kRunFolder, kRecordPrefix)) {
        if (!run.is_alive()) {
            continue;  // it left something in another network namespace
        }
        if (Result<RunRecord> record = read_run_record(run)) {
            result.watches.push_back({run, *std::move(record), net_namespace_of(run.pid)});
        } else if (run.is_alive()) {  // otherwise it ended just now
            result.notices.push_back({record.error().message()});
        }
    }
    std::ranges::sort(result.watches, {}, [](const RunningWatch& watch) { return watch.name.pid; });
    return result;
}

PinnedTables open_pinned_tables(std::span<const RunningWatch> watches) {
    PinnedTables result;
    for (const RunningWatch& watch : watches) {
        if (Result<PinnedTable> table = open_table(watch)) {
            result.tables.push_back(*std::move(table));
        } else if (watch.name.is_alive()) {  // otherwise it ended just now
            result.notices.push_back({table.error().message()});
        }
    }
    return result;
}

}  // namespace flowstamp::kernel
