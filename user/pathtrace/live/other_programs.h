// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "user/base/fd.h"
#include "user/base/result.h"
#include "user/netfilter/ruleset.h"
#include "user/pathtrace/other_program.h"
#include "user/pathtrace/station.h"

namespace flowstamp::pathtrace {

/// What else is in the netfilter hooks of the calling thread's network namespace and may drop packets,
/// apart from the ruleset and the kernel's own hooks. Listing BPF links needs CAP_SYS_ADMIN; without
/// it, only that a priority is taken is known.
class OtherPrograms {
  public:
    OtherPrograms();

    /// The ruleset with the BPF programs that there are now. Without what `path` itself makes, here or
    /// in another process: neither its programs nor the tables of --trace drop anything.
    [[nodiscard]] Result<netfilter::Ruleset> read_ruleset();
    /// To be called once the stations are attached: also adds what was found in their way.
    void attached(const std::vector<StationState>& stations, netfilter::Ruleset& ruleset);

    /// To be called before stations are attached again.
    void forget_in_the_way() { in_the_way_.clear(); }

    /// As last looked at.
    [[nodiscard]] const std::vector<OtherProgram>& all() const { return all_; }

  private:
    void add_to(netfilter::Ruleset& ruleset);
    [[nodiscard]] bool is_taken(std::uint8_t pf, std::uint8_t hook, std::int32_t priority) const;
    [[nodiscard]] bool is_here(std::uint32_t link, const OtherProgram& its);
    [[nodiscard]] bool is_at_station(const OtherProgram& its) const;

    Fd probe_;  ///< a program that accepts everything: attached for a moment to learn what is taken
    std::map<std::uint32_t, bool> here_;  ///< by the link's id: whether it is in this namespace
    std::vector<StationState> stations_;
    std::vector<OtherProgram> all_;
    std::vector<OtherProgram> in_the_way_;
};

}  // namespace flowstamp::pathtrace
