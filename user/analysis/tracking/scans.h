// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "user/analysis/observation.h"
#include "user/analysis/tracking/scan_probe.h"

namespace flowstamp::analysis {

/// Recognizes port scans: a SYN, and a RST to its SYN-ACK. A TCP stack whose connect() was
/// cancelled in between does the same, so either the SYN must be hand-made, or many ports of one
/// host must be probed. Bounded.
class Scans {
  public:
    /// More than kPorts ports of one host, each within kWithin of the one before, are a scan.
    static constexpr std::size_t kPorts = 5;
    static constexpr Nanoseconds kWithin = std::chrono::minutes(1);
    static constexpr std::size_t kMost = 16384;

    struct Scan {
        ScanProbe probe = ScanProbe::none;  ///< what its SYN shows
        std::size_t ports = 0;  ///< probed on that host so far if more than kPorts, else 0
    };

    /// Records SYNs, and RSTs that come with their slot.
    void record(const Observation& observation);

    /// What shows that this RST is a scanner's; nullopt if nothing does.
    [[nodiscard]] std::optional<Scan> of(const Observation& rst) const;

  private:
    using Address = std::array<std::uint8_t, 16>;
    struct Probed {
        std::set<std::uint16_t> ports{};
        Nanoseconds latest{0};
    };

    std::unordered_map<ViewKey, ScanProbe, ViewKeyHash> probes_;
    std::deque<ViewKey> order_;                             ///< of probes_, the oldest first
    std::map<std::pair<Address, Address>, Probed> probed_;  ///< by scanner and target
};

}  // namespace flowstamp::analysis
