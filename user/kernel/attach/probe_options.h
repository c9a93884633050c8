// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "flowstamp/config.h"
#include "flowstamp/policy.h"

namespace flowstamp::kernel {

/// Where a packet that comes in is stamped (`--hook`).
enum class IngressChoice {
    automatic,    ///< native XDP; where that cannot be had, tc ingress, with a notice
    xdp,          ///< native XDP, or fail
    xdp_generic,  ///< XDP in the kernel's own (slow) mode, or fail
    tc,           ///< tc ingress
};

/// Which packets of an interface are stamped (`--direction`).
enum class WatchDirection { in, out, both };

/// How tc programs are attached. Automatic: tcx where the kernel has it (6.6), else clsact.
enum class TcMethod { automatic, tcx, clsact };

/// What is fixed once the probe is open.
struct ProbeOptions {
    IngressChoice hook = IngressChoice::automatic;
    WatchDirection direction = WatchDirection::both;
    /// Flow slots; rounded up to a power of two. FST_FLOWS_MIN to FST_FLOWS_MAX.
    std::uint32_t max_flows = FST_FLOWS_DEFAULT;
    fst_drop_mode drop = FST_DROP_OFF;
    fst_challenge_mode challenge = FST_CHALLENGE_OFF;
    TcMethod tc = TcMethod::automatic;
    /// Every TCP packet's stamp is told, in a ring of so many bytes (a power of two, of pages); 0: none
    /// is, and the programs are loaded without the code for it.
    std::uint32_t stamps_bytes = 0;

    /// The programs take the time from TestRun::set_time() instead of CLOCK_MONOTONIC.
    bool clock_is_replayed = false;
    /// Every segment that comes again is told, not only one from another distance.
    bool reports_repeated = false;
    /// Of the flow table's hash. Unset: drawn at random, as it must be wherever a stranger's
    /// packets arrive.
    std::optional<std::array<std::uint64_t, 2>> hash_seed{};

    /// Whether a packet may be dropped or changed. Otherwise the programs are loaded without the
    /// code that could.
    [[nodiscard]] bool acting() const {
        return drop != FST_DROP_OFF || challenge != FST_CHALLENGE_OFF;
    }
};

}  // namespace flowstamp::kernel
