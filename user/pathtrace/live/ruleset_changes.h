// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "user/base/clock.h"
#include "user/base/fd.h"
#include "user/netfilter/ruleset.h"
#include "user/netfilter/ruleset_change.h"
#include "user/pathtrace/station.h"

namespace flowstamp::pathtrace {

/// Notices that the ruleset of a network namespace has changed: nf_tables announces each change of a
/// chain or rule; the legacy tables and BPF programs announce nothing, so that is found when the ruleset
/// is read for another reason.
class RulesetChanges {
  public:
    /// Listens in the calling thread's namespace: to be made before the ruleset is read.
    RulesetChanges();

    /// Readable when nf_tables has announced something; negative: it cannot be heard.
    [[nodiscard]] int descriptor() const { return socket_.get(); }
    /// Reads what nf_tables has announced, without waiting.
    void listen();
    /// The ruleset was read for another reason.
    void compare(const netfilter::Ruleset& ruleset);
    /// Whether it differs from what the stations were planned for, apart from counters and sets.
    [[nodiscard]] bool is_another(const netfilter::Ruleset& ruleset) const;
    /// What has been announced since the stations were planned, apart from what is still unread.
    [[nodiscard]] const netfilter::RulesetChange& announced() const { return announced_; }
    /// Whether stations belong elsewhere than where they are planned.
    [[nodiscard]] bool needs_other_stations(const netfilter::Ruleset& ruleset) const;
    /// Whether to read the ruleset, and plan anew.
    [[nodiscard]] bool is_due(Nanoseconds now) const { return is_changed_ && now >= not_before_; }
    /// The stations are planned for this one.
    void planned(const netfilter::Ruleset& ruleset);
    /// Reading and planning has lasted from `began` until now: with a large ruleset, it is only done
    /// again after a while.
    void rest(Nanoseconds began, Nanoseconds now) { not_before_ = now + (now - began) * kShare; }

  private:
    static constexpr int kShare = 2;

    Fd socket_;  ///< none: changes are only found by comparing
    std::vector<Station> stations_;
    std::vector<std::string> rules_;
    netfilter::RulesetChange announced_{};
    bool is_changed_ = false;
    Nanoseconds not_before_{0};
};

}  // namespace flowstamp::pathtrace
