// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>

namespace flowstamp::analysis {

/// How a segment's data differs from that of an earlier one in the same sequence range.
struct OtherBytes {
    std::uint64_t frame = 0;     ///< the earlier one's, in the capture
    std::uint16_t ip_id = 0;     ///< the earlier one's
    std::uint8_t ttl = 0;        ///< the earlier one's
    std::uint32_t compared = 0;  ///< bytes that both hold
    std::uint32_t differ = 0;    ///< of them
};

}  // namespace flowstamp::analysis
