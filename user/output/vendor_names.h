// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "user/analysis/reset/middlebox.h"
#include "user/output/reporter.h"

namespace flowstamp::output {

/// Passes everything on, and names the maker of a MAC address where one tells something: that of a
/// suspected box, and of a frame that comes from another neighbour than its sender's others.
class VendorNames final : public Reporter {
  public:
    /// IEEE's list as Debian's package ieee-data has it. Where there is none, nothing is named.
    static constexpr char kList[] = "/usr/share/ieee-data/oui.txt";

    /// `reporter` outlives it. The list is read when a name is first wanted.
    explicit VendorNames(Reporter& reporter, std::string list = kList)
        : reporter_(reporter), list_(std::move(list)) {}

    void capture(const std::string& file) override { reporter_.capture(file); }
    void reset(const analysis::Reset& reset) override { reporter_.reset(reset); }
    void finding(const analysis::Finding& finding) override;
    void middlebox(const analysis::Middlebox& box) override;
    void flow(const analysis::FlowRecord& record) override { reporter_.flow(record); }
    void stats(const Stats& stats) override { reporter_.stats(stats); }
    void summary(const Stats& stats) override { reporter_.summary(stats); }

    /// Who was assigned the first 24 bits; empty if not known or assigned locally.
    [[nodiscard]] std::string maker_of(const analysis::Mac& mac);

  private:
    Reporter& reporter_;
    std::string list_;
    std::map<std::uint32_t, std::string> known_;  ///< by those 24 bits, those asked for
};

}  // namespace flowstamp::output
