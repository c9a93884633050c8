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
                     .reason = "that is not a flow table"});
    }
    return FlowTable::map(map->get(), info.max_entries);
}

Result<PinnedTable> open_table(const RunName& run) {
    Result<RunRecord> record = read_run_record(run);
    if (!record) {
        return std::unexpected(record.error());
    }
    if (record->version != FST_CONTRACT_VERSION) {
        return fail({.operation = "open its flow table",
                     .object = fmt::format("watch of process {}", run.pid),
                     .reason = "it is another version of flowstamp"});
    }
    Result<FlowTable> flows = map_table(run);
    if (!flows) {
        return std::unexpected(flows.error());
    }
    return PinnedTable{run.pid, std::move(record->interfaces), *std::move(flows), record->learns,
                       std::move(record->learned)};
}

}  // namespace

Result<PinnedTables> open_pinned_tables() {
    if (::access(kRunFolder, F_OK) == 0 && ::access(kRunFolder, R_OK | X_OK) != 0) {
        return fail_errno("look for running watches", kRunFolder, errno, "run as root");
    }
    PinnedTables result{.tables = {}, .notices = remove_stale_state({})};
    for (const RunName& run : run_names(kRunFolder, kRecordPrefix)) {
        if (!run.is_alive()) {
            continue;  // it left something in another network namespace
        }
        if (Result<PinnedTable> table = open_table(run)) {
            result.tables.push_back(*std::move(table));
        } else if (run.is_alive()) {  // otherwise it ended just now
            result.notices.push_back({table.error().message()});
        }
    }
    std::ranges::sort(result.tables, {}, &PinnedTable::pid);
    return result;
}

}  // namespace flowstamp::kernel
