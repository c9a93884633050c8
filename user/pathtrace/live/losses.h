// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/netfilter/drop_attribution.h"
#include "user/netfilter/ruleset.h"
#include "user/netfilter/ruleset_change.h"
#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// One flow's packets with the same end.
struct FlowEnd {
    std::uint64_t flow = 0;
    unsigned direction = 0;
    PathEnd end{};
    friend auto operator<=>(const FlowEnd&, const FlowEnd&) = default;
};

[[nodiscard]] inline FlowEnd flow_end(const PathFlows::Filed& filed) {
    return {filed.flow.id, filed.direction, filed.end};
}

/// Finds the rules that dropped packets. The ruleset is read before the first packet and again
/// after losses; the rule whose counter increased with them is the cause: over the whole run, or,
/// if several rules have dropped packets by then, since the last reading.
class Losses {
  public:
    using ReadRuleset = std::function<Result<netfilter::Ruleset>()>;
    /// The drops reported by nft's trace since the last call.
    using TakeTraced = std::function<std::vector<netfilter::NftTraceDrop>()>;
    /// What may have changed since the stations were planned; `other_places`: the reading calls for stations
    /// elsewhere. Asked after each reading.
    struct Changes {
        netfilter::RulesetChange announced{};
        bool other_places = false;
    };
    using AskChanges = std::function<Changes(const netfilter::Ruleset&)>;
    /// Asks named sets.
    using AskSets = std::function<netfilter::SetAnswers(const std::set<netfilter::SetQuery>&)>;
    /// Read the ruleset after this many lost packets, or this long after the first.
    static constexpr std::uint64_t kEnough = 3;
    static constexpr Nanoseconds kMaxWait = std::chrono::milliseconds(500);
    /// Minimum interval between two readings of the ruleset.
    static constexpr Nanoseconds kBetween = std::chrono::seconds(1);

    struct Sources {
        ReadRuleset read{};
        AskSets ask{};
        TakeTraced take_traced{};  ///< empty: no tracing
        AskChanges changes{};      ///< empty: nothing changes
    };

    /// `before` is the ruleset as it was when the stations were attached.
    Losses(netfilter::Ruleset before, const StationMap& map, Sources sources)
        : before_(std::move(before)), map_(map), sources_(std::move(sources)) {}

    /// A packet was dropped. False if no rule is searched for: the reason cannot be due to one, or the packet
    /// was under way while stations moved, and is only seen after begin_anew().
    bool saw(const FlowEnd& whose, const PacketPath& packet, Nanoseconds now);

    /// Since `now` the stations are those for another ruleset. Packets that were under way before may have
    /// missed some. begin_anew() follows, after a last look at what was lost before.
    void stations_moved(Nanoseconds now) {
        stand_since_ = now;
        is_moving_ = true;
        is_behind_ruleset_ = false;
    }
    /// They could not be moved.
    void stations_stayed() { is_behind_ruleset_ = true; }
    /// The ruleset is another from now on; what was found so far still holds.
    void begin_anew(netfilter::Ruleset before);
    /// The ruleset as last read; null: not since `when`.
    [[nodiscard]] const netfilter::Ruleset* read_since(Nanoseconds when) const {
        return last_ && last_->done >= when ? &last_->ruleset : nullptr;
    }

    /// Whether the ruleset should be read now; then call inspect().
    [[nodiscard]] bool is_due(Nanoseconds now) const;
    /// Reads it, if there were new losses. Returns those whose attribution changed.
    [[nodiscard]] Result<std::set<FlowEnd>> inspect(const Clock& clock);

    /// The rule that dropped them; nothing if unknown.
    [[nodiscard]] std::optional<netfilter::DropAttribution> of(const FlowEnd& whose) const;
    /// Whether they may have been dropped further on than behind the last station that they passed: the
    /// ruleset changed, and no station stood there yet.
    [[nodiscard]] bool may_be_further_on(const FlowEnd& whose) const {
        return further_on_.contains(whose);
    }

  private:
    /// Of what was lost at one place, packets that are alike to every rule: of one flow's end mostly.
    struct Kind {
        std::optional<netfilter::PacketHeaders> headers{};
        friend auto operator<=>(const Kind&, const Kind&) = default;
    };
    struct Count {
        std::uint64_t buffers = 0;   ///< lost, in socket buffers
        std::uint64_t examined = 0;  ///< those covered by the last reading
        std::set<FlowEnd> whose{};   ///< the flows of those that are not
        [[nodiscard]] std::uint64_t fresh() const { return buffers - examined; }
    };
    struct Place {
        std::map<Kind, Count> kinds{};
        std::uint64_t fresh = 0;  ///< buffers since the last reading
        Nanoseconds first{0};     ///< when the first one after it was reported to us
        Nanoseconds earliest{0};  ///< ... and when the kernel dropped it
        netfilter::Loss loss{};   ///< behind the last station, as stations stood then
        bool met_moving = false;  ///< some of the new ones were under way while stations moved
    };
    /// What was lost at a place, where it may have been dropped, and what speaks against certainty.
    struct Where {
        netfilter::Loss loss{};
        bool may_be_further_on = false;
    };
    using Attributions = std::vector<std::optional<netfilter::DropAttribution>>;
    struct Found {
        std::optional<netfilter::DropAttribution> attribution{};
        bool of_the_latest = false;  ///< of what was lost since the last reading only
    };
    /// Beyond this many kinds in one place, packets of others are counted together, and no rule is named.
    static constexpr std::size_t kKinds = 256;
    struct Known {
        netfilter::DropAttribution attribution{};
        bool was_certain = false;  ///< for earlier packets
    };
    struct Reading {
        netfilter::Ruleset ruleset{};
        Nanoseconds done{0};
        Changes changes{};
    };
    [[nodiscard]] Kind kind_of(const PacketPath& packet) const;
    /// What the named sets hold of packets that were lost where there are new losses.
    [[nodiscard]] netfilter::SetAnswers ask_sets(const netfilter::Ruleset& ruleset) const;
    /// For each kind that has new losses, in their order.
    [[nodiscard]] std::vector<Found> behind(const PathEnd& end, const Place& place,
                                            const Where& where, const Reading& after,
                                            const netfilter::NftTraceDrops& fresh) const;
    [[nodiscard]] Where where(const PathEnd& end, const Place& place, const Changes& changes) const;
    /// Takes the certainty back that the ruleset's changes, or the kernel's reason, do not allow.
    void doubt(netfilter::DropAttribution& attribution, const PathEnd& end, const Where& where,
               const Reading& after, bool is_traced) const;
    void examine(const PathEnd& end, Place& place, const Reading& after,
                 const netfilter::NftTraceDrops& fresh, std::set<FlowEnd>& changed);
    void note_place(const FlowEnd& whose, bool may_be_further_on);
    [[nodiscard]] netfilter::NftTraceDrops take_traced();
    [[nodiscard]] bool learn(const FlowEnd& whose, Found found);

    netfilter::Ruleset before_;
    std::optional<Reading> last_;
    const StationMap& map_;
    Sources sources_;
    bool sees_conntrack_ = false;  ///< packets have shown their entries: one without has none
    netfilter::NftTraceDrops traced_;
    std::map<PathEnd, Place> places_;
    std::map<FlowEnd, Known> attributions_;
    std::set<FlowEnd> examined_;  ///< some of their packets were lost before the last reading
    std::set<FlowEnd> further_on_;
    Nanoseconds stand_since_{0};  ///< the stations; CLOCK_MONOTONIC
    bool is_moving_ = false;
    bool began_anew_ = false;  ///< what was lost before begin_anew() is not counted any more
    bool is_behind_ruleset_ = false;
    Nanoseconds not_before_{0};
};

}  // namespace flowstamp::pathtrace
