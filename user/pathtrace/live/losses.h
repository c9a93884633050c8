// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/netfilter/drop_attribution.h"
#include "user/netfilter/ruleset.h"
#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// One flow's packets that come to one end.
struct FlowEnd {
    std::uint64_t flow = 0;
    unsigned direction = 0;
    PathEnd end{};
    friend auto operator<=>(const FlowEnd&, const FlowEnd&) = default;
};

/// Names the rules behind losses: the ruleset is read before the first packet, and again when some
/// were lost; whose counter moved with them is meant: of all since the start, or where several rules have
/// dropped packets by then, of those since the last reading.
class Losses {
  public:
    using ReadRuleset = std::function<Result<netfilter::Ruleset>()>;
    /// The drops that nft's trace has told of since it was asked last.
    using TakeTraced = std::function<std::vector<netfilter::NftTraceDrop>()>;
    /// So many packets are waited for, but not longer than this after the first.
    static constexpr std::uint64_t kEnough = 3;
    static constexpr Nanoseconds kPatience = std::chrono::milliseconds(500);
    /// The ruleset is not read again sooner.
    static constexpr Nanoseconds kBetween = std::chrono::seconds(1);

    /// `before` is the ruleset as it stood when the stations were set.
    /// `take_traced` may be empty: nothing is traced.
    Losses(netfilter::Ruleset before, const StationMap& map, ReadRuleset read,
           TakeTraced take_traced = {})
        : before_(std::move(before)),
          map_(map),
          read_(std::move(read)),
          take_traced_(std::move(take_traced)) {}

    /// A packet was dropped. False if its reason allows for no rule behind it: none is looked for.
    /// `at`: when, by the kernel's record.
    bool saw(const FlowEnd& whose, Nanoseconds at, Nanoseconds now);

    /// Whether the ruleset is to be read now; then call look().
    [[nodiscard]] bool is_due(Nanoseconds now) const;
    /// Reads it, if anything was lost since. Returns those of which there is news.
    [[nodiscard]] Result<std::set<FlowEnd>> inspect(const Clock& clock);

    /// The rule behind them; nothing if none is known.
    [[nodiscard]] std::optional<netfilter::DropAttribution> of(const FlowEnd& whose) const;

  private:
    struct Place {
        std::uint64_t buffers = 0;  ///< lost, as the kernel counts them
        std::uint64_t looked = 0;   ///< of them when the ruleset was last read
        Nanoseconds first{0};       ///< of those that were not looked at: when we heard of it
        Nanoseconds earliest{0};    ///< ... when the kernel dropped it
        std::set<FlowEnd> whose{};  ///< they were
    };
    struct Known {
        netfilter::DropAttribution attribution{};
        bool was_certain = false;  ///< of earlier packets
    };
    struct Reading {
        netfilter::Ruleset ruleset{};
        Nanoseconds done{0};
    };
    [[nodiscard]] std::optional<netfilter::DropAttribution> behind(
        const PathEnd& end, const Place& place, const netfilter::Ruleset& after,
        const netfilter::NftTraceDrops& fresh) const;
    [[nodiscard]] netfilter::NftTraceDrops take_traced();
    [[nodiscard]] bool learn(const FlowEnd& whose,
                             std::optional<netfilter::DropAttribution> attribution);

    netfilter::Ruleset before_;
    std::optional<Reading> last_;
    const StationMap& map_;
    ReadRuleset read_;
    TakeTraced take_traced_;
    netfilter::NftTraceDrops traced_;
    std::map<PathEnd, Place> places_;
    std::map<FlowEnd, Known> attributions_;
    Nanoseconds not_before_{0};
};

}  // namespace flowstamp::pathtrace
