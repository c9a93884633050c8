// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "flowstamp/flow.h"
#include "user/base/result.h"
#include "user/cmd/locate/wanted_flow.h"
#include "user/kernel/maps/pinned_table.h"
#include "user/locate/probe.h"

namespace flowstamp::cmd {

/// An open connection of a socket of this network namespace, in the table of a running watch.
class OpenFlow {
  public:
    /// Fails if no watch knows it, or no socket here has it open.
    [[nodiscard]] static Result<OpenFlow> find(const WantedFlow& wanted);

    /// Where this end stands now; fails once the connection has ended.
    [[nodiscard]] Result<locate::FlowPoint> point() const;
    /// As it was found.
    [[nodiscard]] const fst_flow& flow() const { return flow_; }
    [[nodiscard]] unsigned own() const { return own_; }
    /// TTL of the latest reset in the peer's name, if that looks forged.
    [[nodiscard]] std::optional<std::uint8_t> forged_reset_ttl() const;

  private:
    OpenFlow(kernel::FlowTable table, std::uint32_t slot, const fst_flow& flow, unsigned own)
        : table_(std::move(table)), slot_(slot), flow_(flow), own_(own) {}

    kernel::FlowTable table_;
    std::uint32_t slot_;
    fst_flow flow_;
    unsigned own_;
};

}  // namespace flowstamp::cmd
