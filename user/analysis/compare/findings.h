// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "user/analysis/compare/join.h"
#include "user/analysis/compare/judge.h"
#include "user/analysis/compare/way.h"
#include "user/analysis/finding.h"

namespace flowstamp::analysis::compare {

/// Writes what was judged as findings.
class FindingWriter {
  public:
    FindingWriter(const std::array<const Recording*, 2>& captures, std::uint64_t first_id)
        : captures_(captures), next_id_(first_id) {}

    /// Each nothing if there is nothing to say. Of packets: the first is what the finding is about.
    [[nodiscard]] std::optional<Finding> forged(
        const Joined& joined, const Way& way, const WayClock& clock,
        const std::vector<std::pair<std::uint32_t, Proof>>& resets) const;
    [[nodiscard]] std::optional<Finding> injected(const Joined& joined, const Way& way,
                                                  const std::vector<std::uint32_t>& packets,
                                                  const Proof& proof, DataSign sign) const;
    [[nodiscard]] std::optional<Finding> eaten(const Joined& joined, const Way& way,
                                               const WayFacts& facts, const Lost& lost) const;
    [[nodiscard]] std::optional<Finding> changed(
        const Joined& joined, const std::array<std::optional<Way>, 2>& ways) const;

    /// Of findings in their order.
    void number(Finding& finding);

  private:
    /// About packet `index` of the first view at one capture.
    [[nodiscard]] Finding about(FindingKind kind, const Joined& joined, const Way& way,
                                unsigned capture, std::uint32_t index) const;
    /// The capture's file, without its folder unless both have one name.
    [[nodiscard]] std::string name_of(unsigned capture) const;
    /// Of the ends and the captures; addresses as one capture shows them.
    [[nodiscard]] Values names(const Joined& joined, const Way& way, unsigned capture) const;

    std::array<const Recording*, 2> captures_;
    std::uint64_t next_id_;
};

}  // namespace flowstamp::analysis::compare
