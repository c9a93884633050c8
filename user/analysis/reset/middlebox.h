// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flowstamp/policy.h"
#include "user/analysis/tracking/handshake_stage.h"
#include "user/analysis/values.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// How a header field behaves over the packets of a middlebox.
struct FieldHabit {
    enum class Kind {
        absent,   ///< there is no such field (IP-ID in IPv6)
        zero,     ///< always 0
        echo,     ///< copied from its receiver's packets
        genuine,  ///< that of the end in whose name it comes
        fixed,    ///< always `value`
        changes,  ///< several values
    };
    Kind kind = Kind::absent;
    std::uint16_t value = 0;

    friend bool operator==(const FieldHabit&, const FieldHabit&) = default;
};

/// A suspected middlebox: what several findings have in common, so that the network's operator can
/// identify it. Reported after each minute that brought it new findings, and at the end, under the
/// same id.
struct Middlebox {
    /// Connections to one port of the servers.
    struct Port {
        std::uint16_t port = 0;
        std::uint64_t flows = 0;  ///< that it attacked
        std::uint64_t seen = 0;   ///< begun during the session, attacked or not; at least `flows`
    };
    static constexpr std::size_t kStages = 4;

    std::uint64_t id = 0;
    bool again = false;
    std::string interface{};
    std::uint8_t hops = 0;       ///< from here, by the usual initial TTLs
    std::uint8_t tcp_flags = 0;  ///< of what it sends
    FieldHabit ttl{};            ///< as it arrives here
    FieldHabit ip_id{};
    FieldHabit window{};
    std::optional<Mac> mac{};     ///< of its frames; nullopt on links without
    bool mac_is_foreign = false;  ///< the genuine packets of those flows come from another one
    std::string vendor{};         ///< of that MAC; empty: unknown
    std::uint64_t segments = 0;   ///< that it sent
    std::uint64_t flows = 0;      ///< that it attacked
    std::vector<Port> ports{};    ///< the most attacked first; a few
    std::array<std::uint64_t, kStages> stages{};  ///< of `flows`, by their HandshakeStage then
    bool is_learned = false;                      ///< its packets match a learned signature
    Nanoseconds first{0};                         ///< seen, since 1970
    Nanoseconds last{0};
};

/// Whether the packets of the box match the signature.
[[nodiscard]] bool has_signature(const Middlebox& box, const fst_learned_signature& signature);

[[nodiscard]] std::string_view name_of(FieldHabit::Kind kind);

}  // namespace flowstamp::analysis
