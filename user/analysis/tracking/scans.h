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

/// Who asks for connections only to see whether they would be had: a SYN, and a RST to its SYN-ACK.
/// A stack whose connect() was given up in between does so as well, so either the SYN has to be
/// hand-made, or many ports of one host have to be asked. Bounded.
class Scans {
  public:
    /// More ports than this of one host, each within this of the one before: a scan.
    static constexpr std::size_t kPorts = 5;
    static constexpr Nanoseconds kWithin = std::chrono::minutes(1);
    static constexpr std::size_t kMost = 16384;

    struct Scan {
        ScanProbe probe = ScanProbe::none;  ///< what its SYN shows
        std::size_t ports = 0;              ///< of that host so far, when they are many; else 0
    };

    /// Files SYNs, and RSTs that come with their slot.
    void record(const Observation& observation);

    /// What shows that this RST is a scanner's; nothing if it is another's.
    [[nodiscard]] std::optional<Scan> of(const Observation& rst) const;

  private:
    using Address = std::array<std::uint8_t, 16>;
    struct Asked {
        std::set<std::uint16_t> ports{};
        Nanoseconds latest{0};
    };

    std::unordered_map<ViewKey, ScanProbe, ViewKeyHash> probes_;
    std::deque<ViewKey> order_;                           ///< of probes_, the oldest first
    std::map<std::pair<Address, Address>, Asked> asked_;  ///< by who asked whom
};

}  // namespace flowstamp::analysis
