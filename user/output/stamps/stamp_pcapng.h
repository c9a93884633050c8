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
    StampPcapng(StampFile& file, std::vector<StampPlace> places, const WallTime& wall);

    void write(std::span<const fst_packet_stamp> stamps) override;

  private:
    void added(const StampPlace& place) override { write_interface(place); }
    void write_section();
    void write_interface(const StampPlace& place);
    [[nodiscard]] std::uint32_t interface_of(const fst_packet_stamp& stamp) const;
    /// Writes the block to `at`; returns its size in bytes.
    template <class Headers>
    std::size_t write_packet(char* at, const fst_packet_stamp& stamp) const;
};

}  // namespace flowstamp::output
