// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "user/pathtrace/path_report.h"

namespace flowstamp::output {

/// Many flows that end for the same cause: some are shown, the others only counted.
class RepeatedLosses {
  public:
    /// Of each cause so many flows are shown.
    static constexpr std::size_t kShown = 5;

    enum class Show { whole, last_of_its_cause, no };
    /// Whether to show the report of a flow's packets with one end.
    [[nodiscard]] Show show(const pathtrace::PathReport& report);

  private:
    /// Beyond this many causes those so far are forgotten, and shown again.
    static constexpr std::size_t kCauses = 4096;

    std::map<std::string, std::set<std::uint64_t>> shown_;  ///< flows, by cause
};

}  // namespace flowstamp::output
