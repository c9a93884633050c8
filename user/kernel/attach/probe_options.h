// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "flowstamp/config.h"
#include "flowstamp/policy.h"

namespace flowstamp::kernel {

/// Where incoming packets are stamped (`--hook`).
enum class IngressChoice {
    automatic,    ///< native XDP; where that is unavailable, or would only cost: tc ingress
    xdp,          ///< native XDP, or fail
    xdp_generic,  ///< generic XDP (slow), or fail
    tc,           ///< tc ingress
};

/// Which packets of an interface are stamped (`--direction`).
enum class WatchDirection { in, out, both };

/// How tc programs are attached. Automatic: tcx where the kernel has it (6.6), else clsact.
enum class TcMethod { automatic, tcx, clsact };

/// Settings that are fixed once the probe is open.
struct ProbeOptions {
    IngressChoice hook = IngressChoice::automatic;
    WatchDirection direction = WatchDirection::both;
    /// Flows that the table is made for, FST_FLOWS_MIN to FST_FLOWS_MAX: it has fst_flow_slots() slots.
    std::uint32_t max_flows = FST_FLOWS_DEFAULT;
    fst_drop_mode drop = FST_DROP_OFF;
    fst_challenge_mode challenge = FST_CHALLENGE_OFF;
    TcMethod tc = TcMethod::automatic;
    /// Size in bytes (a power of two, page-aligned) of the ring that carries every packet's stamp.
    /// 0: no stamps are exported, and the programs are loaded without the code for it.
    std::uint32_t stamps_bytes = 0;

    /// The programs take the time from TestRun::set_time() instead of CLOCK_MONOTONIC.
    bool clock_is_replayed = false;
    /// Report every repeated segment, not only those with another hop count.
    bool reports_repeated = false;
    /// Seed of the flow table's hash. Unset: random, as it must be wherever untrusted packets
    /// arrive (hash flooding).
    std::optional<std::array<std::uint64_t, 2>> hash_seed{};

    /// Whether packets may be dropped or changed. If not, the programs are loaded without the code
    /// for it.
    [[nodiscard]] bool acting() const {
        return drop != FST_DROP_OFF || challenge != FST_CHALLENGE_OFF;
    }
};

}  // namespace flowstamp::kernel
