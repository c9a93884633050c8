// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "user/analysis/observation.h"
#include "user/analysis/slot_reader.h"

namespace flowstamp::analysis {

/// The direction of `there` in which end `d` of `here` sends, if both are one flow: the same ends,
/// or both initial sequence numbers (a NAT is between), and about the same place in the stream.
/// nullopt if they are not, or if that is not known.
[[nodiscard]] std::optional<unsigned> same_sender(const fst_flow& here, unsigned d,
                                                  const fst_flow& there);

/// Whether the packets of end `d` come in by the flow's interface, and the other end's leave by it.
[[nodiscard]] bool comes_in_here(const fst_flow& flow, unsigned d);

/// A flow at another interface of this host.
struct OtherView {
    ViewKey key{};
    std::string_view interface{};  ///< its name
    fst_flow flow{};               ///< its slot, now
    unsigned sender = 0;           ///< the direction there of the observed packet's sender
};

/// Finds a flow's views at other interfaces: a router shows each flow twice, with or without
/// address translation. Knows the flows that were seen to open, or of which both directions were
/// seen; the oldest are forgotten first.
class FlowViews {
  public:
    /// Connections remembered, about: at several interfaces, and at one alone.
    static constexpr std::size_t kMost = 131'072;
    static constexpr std::size_t kMostAtOne = 1024;

    void record(const Observation& observation);

    /// The views of the observed packet's flow at other interfaces. `slots`: the flow table.
    [[nodiscard]] std::vector<OtherView> of(const Observation& observation,
                                            const SlotReader& slots) const;

  private:
    static constexpr std::size_t kViewsOfFlow = 16;
    void remember(std::uint64_t name, const ViewKey& view);

    std::unordered_map<std::uint64_t, std::vector<ViewKey>> views_;  ///< by a hash of a flow's name
    std::deque<std::uint64_t> order_;                                ///< the oldest first
    std::map<std::uint32_t, std::string> interfaces_;                ///< by index
};

}  // namespace flowstamp::analysis
