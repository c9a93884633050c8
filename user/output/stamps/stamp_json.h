// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <string>
#include <vector>

#include "user/output/stamps/stamp_writer.h"

namespace flowstamp::output {

/// Stamps as JSON lines: events of the type `stamp`.
class StampJson final : public StampWriter {
  public:
    StampJson(StampFile& file, std::vector<StampPlace> places, const WallTime& wall);

    void write(std::span<const fst_packet_stamp> stamps) override;

  private:
    void write(const fst_packet& packet, Nanoseconds wall);
    void added(const StampPlace& place) override;
    /// The text that all packets of one flow, hook and direction have in common: a hash and two
    /// addresses, too expensive to format for each packet.
    struct Common {
        fst_flow_key key{};
        std::uint8_t direction = 0;
        std::uint8_t hook = 0;
        std::string head{};   ///< from "in_iface" to "community_id"
        std::string place{};  ///< "hook" and "direction"
    };
    static constexpr std::size_t kRemembered = 4096;  // a power of two

    [[nodiscard]] const Common& common_of(const fst_packet& packet);
    [[nodiscard]] const std::string& timestamp(Nanoseconds wall);

    std::vector<Common> remembered_;
    std::int64_t second_ = -1;  ///< the second that second_text_ shows
    std::string second_text_;
};

}  // namespace flowstamp::output
