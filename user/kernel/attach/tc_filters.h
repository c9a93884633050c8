// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The tc filters on an interface's clsact qdisc, which libbpf can attach but not list.
#pragma once

#include <cstddef>
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
    std::string name;              ///< of a BPF filter, as given at attach: "prog_name:[id]"
};

/// The filters of one direction, in the order in which they run; empty without a clsact qdisc.
[[nodiscard]] Result<std::vector<TcFilter>> tc_filters(std::uint32_t ifindex,
                                                       TcDirection direction);

/// Counts the foreign tc programs that run before ours at egress, and may drop or redirect a packet
/// before ours sees it: all of the tcx chain, or, with `clsact`, all filters of the qdisc.
[[nodiscard]] std::size_t others_at_egress(std::uint32_t ifindex, bool clsact);

}  // namespace flowstamp::kernel
