// SPDX-License-Identifier: Apache-2.0
// The tc filters on an interface's clsact qdisc: what libbpf can attach but not list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::kernel {

enum class TcDirection { ingress, egress };

struct TcFilter {
    std::uint32_t handle = 0;
    std::uint32_t priority = 0;
    std::uint32_t program_id = 0;  ///< 0: not a BPF filter
    std::string name;              ///< of a BPF filter, as it was given: "prog_name:[id]"
};

/// Those of one direction, in the order in which packets meet them; none where there is no clsact.
[[nodiscard]] Result<std::vector<TcFilter>> tc_filters(std::uint32_t ifindex,
                                                       TcDirection direction);

}  // namespace flowstamp::kernel
