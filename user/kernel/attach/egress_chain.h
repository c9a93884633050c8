// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>

namespace flowstamp::kernel {

/// Others' tc programs that see a packet before ours at egress, and may end its way there: all of
/// the tcx chain, or, with `clsact`, all filters of the qdisc.
[[nodiscard]] std::size_t others_at_egress(std::uint32_t ifindex, bool clsact);

}  // namespace flowstamp::kernel
