// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string_view>
#include <vector>

#include "user/output/stamps/stamp_writer.h"

namespace flowstamp::output {

/// Stamps as a pcapng capture of rebuilt headers: raw IP, an interface for each StampPlace, times
/// in nanoseconds. libpcap cannot write pcapng.
class StampPcapng final : public StampWriter {
  public:
    StampPcapng(StampFile& file, std::vector<StampPlace> places);

  private:
    void write(const fst_packet& packet, Nanoseconds wall) override;
    void added(const StampPlace& place) override { write_interface(place); }
    void write_section();
    void write_interface(const StampPlace& place);
    [[nodiscard]] std::uint32_t interface_of(const fst_packet& packet) const;
};

}  // namespace flowstamp::output
