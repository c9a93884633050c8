// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/features/program_runs.h"

#include <bpf/bpf.h>

namespace flowstamp::kernel {

std::optional<ProgramRuns> program_runs(int program_fd) {
    bpf_prog_info info{};
    std::uint32_t bytes = sizeof(info);
    if (bpf_prog_get_info_by_fd(program_fd, &info, &bytes) != 0 || info.run_cnt == 0) {
        return std::nullopt;
    }
    return ProgramRuns{.program = {}, .runs = info.run_cnt, .nanoseconds = info.run_time_ns};
}

}  // namespace flowstamp::kernel
