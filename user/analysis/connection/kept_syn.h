// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// A SYN, or a SYN-ACK, that came in by one interface of a router again and again, and left by none: this
/// host dropped it. As NAT changes addresses and ports, but no initial sequence number, any packet with that
/// number counts as the same one leaving. Said only where it cannot have passed unseen: every interface is watched,
/// no event was lost meanwhile, and this host is known to forward there: a SYN to the same server by the same
/// interface, or the SYN that is answered. What was answered, by whomever, was not dropped.
class KeptSyn final : public Detector {
  public:
    /// A packet that is forwarded may wait as long for its next hop's link-layer address.
    static constexpr Nanoseconds kWait = std::chrono::seconds(5);
    /// Sent so often: one that is not sent again is missed by nobody.
    static constexpr unsigned kEnough = 2;
    /// What comes sooner after the first is a copy of it: Linux sends again after a second.
    static constexpr Nanoseconds kAgain = std::chrono::milliseconds(200);

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit KeptSyn(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 4096;
    static constexpr Nanoseconds kCountEvery = std::chrono::seconds(1);
    using Name = std::pair<bool, std::uint32_t>;  ///< whether a SYN-ACK; its sequence number
    struct NameHash {
        std::size_t operator()(const Name& name) const noexcept {
            return std::size_t{name.second} << 1 | std::size_t{name.first};
        }
    };
    struct Way {
        std::uint32_t ifindex = 0;
        std::string interface{};
    };
    struct Waiting {
        Observation first;
        unsigned times = 1;
        std::optional<Way> leaves_by{};  ///< nothing: that it is forwarded is not known
        std::uint64_t lost_before = 0;   ///< events, when it came at the latest
    };
    struct Due {
        Nanoseconds at;
        Name name;
    };
    void came_in(const Observation& observation);
    void left(const Observation& observation);
    [[nodiscard]] std::optional<Way> way_of(const Observation& observation) const;
    [[nodiscard]] bool is_kept(const Waiting& waiting);
    void report(const Waiting& kept, FindingSink& sink);

    Tracking& tracking_;
    std::unordered_map<Name, Waiting, NameHash> waiting_;
    std::deque<Due> due_;  ///< the earliest first
    using Address = std::array<std::uint8_t, 16>;
    /// By which interface SYNs to a server leave that come in by an interface.
    std::map<std::pair<std::uint32_t, Address>, Way> ways_;
    /// By which interface a SYN that was forwarded came in, by its sequence number.
    std::unordered_map<std::uint32_t, Way> forwarded_;
    std::optional<std::uint64_t> lost_{};
    Nanoseconds counted_{0};
    /// By whether a SYN-ACK, and the interfaces in and out.
    std::map<std::tuple<bool, std::uint32_t, std::uint32_t>, FindingUpdates> reported_;
};

}  // namespace flowstamp::analysis
