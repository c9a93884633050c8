// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/vendor_names.h"

#include <fmt/format.h>

#include <array>
#include <fstream>

namespace flowstamp::output {

namespace {

constexpr std::uint8_t kLocallyAdministered = 0x02;

/// "B8D61A     (base 16)\t\tEspressif Inc.": the name, if the line is of this prefix.
std::string name_in(const std::string& line, const std::string& prefix) {
    constexpr std::string_view kMark = "(base 16)";
    const std::size_t mark = line.find(kMark);
    if (!line.starts_with(prefix) || mark == std::string::npos) {
        return "";
    }
    const std::size_t from = line.find_first_not_of(" \t", mark + kMark.size());
    const std::size_t to = line.find_last_not_of(" \t\r");
    return from == std::string::npos ? "" : line.substr(from, to - from + 1);
}

}  // namespace

std::string VendorNames::maker_of(const analysis::Mac& mac) {
    if (mac[0] & kLocallyAdministered) {
        return "";
    }
    const std::uint32_t bits = mac[0] << 16U | mac[1] << 8U | mac[2];
    const auto [known, is_new] = known_.try_emplace(bits);
    if (!is_new) {
        return known->second;
    }
    const std::string prefix = fmt::format("{:06X}", bits);
    std::ifstream list(list_);
    for (std::string line; known->second.empty() && std::getline(list, line);) {
        known->second = name_in(line, prefix);
    }
    return known->second;
}

void VendorNames::consume(const Event& event) {
    if (const auto* finding = std::get_if<analysis::Finding>(&event)) {
        const fst_packet& packet = finding->sighting.packet;
        if ((finding->signals & FST_SIGNAL_BIT(FST_SIGNAL_MAC_FOREIGN)) &&
            (packet.flags & FST_PACKET_MAC)) {
            analysis::Finding named = *finding;
            named.vendor = maker_of(std::to_array(packet.src_mac));
            next_.consume(std::move(named));
            return;
        }
    }
    if (const auto* box = std::get_if<analysis::Middlebox>(&event); box && box->mac) {
        analysis::Middlebox named = *box;
        named.vendor = maker_of(*box->mac);
        next_.consume(std::move(named));
        return;
    }
    next_.consume(event);
}

}  // namespace flowstamp::output
