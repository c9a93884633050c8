// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <map>
#include <string>

#include "user/analysis/reset/middlebox.h"
#include "user/output/event.h"

namespace flowstamp::output {

/// Passes everything on, and names the maker of a MAC address where one tells something: that of a
/// suspected box, and of a frame that comes from another neighbour than its sender's others.
class VendorNames final : public Consumer {
  public:
    /// IEEE's list as Debian's package ieee-data has it. Where there is none, nothing is named.
    static constexpr char kList[] = "/usr/share/ieee-data/oui.txt";

    /// `next` outlives it. The list is read when a name is first wanted.
    explicit VendorNames(Consumer& next, std::string list = kList)
        : next_(next), list_(std::move(list)) {}

    void consume(const Event& event) override;

    /// Who was assigned the first 24 bits; empty if not known or assigned locally.
    [[nodiscard]] std::string maker_of(const analysis::Mac& mac);

  private:
    Consumer& next_;
    std::string list_;
    std::map<std::uint32_t, std::string> known_;  ///< by those 24 bits, those asked for
};

}  // namespace flowstamp::output
