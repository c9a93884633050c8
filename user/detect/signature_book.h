// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "flowstamp/policy.h"
#include "user/detect/rst_view.h"

namespace flowstamp {

/// Learns what an injector's resets have in common, so that its next one is known on arrival. Only
/// what is distinctive may be taught: "3 hops, ID 0, DF, bare R" is every Linux host at that
/// distance. So: an IP-ID other than 0 and 1, or a window that the flow's end never had; the same
/// on two flows, at the same distance, with the same flags, and in the window of the receiver.
class SignatureBook {
  public:
    /// Notes a RST that is confirmed forged. Returns a signature the first time that this RST and an
    /// earlier one of another flow show it.
    [[nodiscard]] std::optional<fs_taught> note(const RstView& rst, const fs_judgement& judgement);

  private:
    /// Two RSTs with one IP-ID by chance: 1 in 65536 a pair, so few are compared.
    static constexpr std::size_t kCompared = 32;
    struct Mark {
        std::uint64_t flow_id;
        std::uint16_t ip_id;
        std::uint16_t window;
        std::uint8_t hops;
        std::uint8_t tcp_flags;
        bool id_counts;
        bool window_counts;
        bool taught;
    };
    std::deque<Mark> marks_;
};

}  // namespace flowstamp
