// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <map>
#include <string>

#include "user/analysis/reset/middlebox.h"
#include "user/output/event.h"

namespace flowstamp::output {

/// Passes all events on, and adds the vendor of a MAC address where it is informative: that of a
/// middlebox, and that of a packet whose source MAC differs from its sender's other packets.
class VendorNames final : public Consumer {
  public:
    /// IEEE's OUI list, from Debian's package ieee-data. Without it no vendor is named.
    static constexpr char kList[] = "/usr/share/ieee-data/oui.txt";

    /// `next` outlives it. The list is read at the first lookup of each OUI.
    explicit VendorNames(Consumer& next, std::string list = kList)
        : next_(next), list_(std::move(list)) {}

    void consume(const Event& event) override;

    /// The assignee of the first 24 bits (OUI); empty if unknown or locally administered.
    [[nodiscard]] std::string maker_of(const analysis::Mac& mac);

  private:
    Consumer& next_;
    std::string list_;
    std::map<std::uint32_t, std::string> known_;  ///< vendors looked up so far, by OUI
};

}  // namespace flowstamp::output
