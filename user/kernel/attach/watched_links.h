// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "user/kernel/attach/link_listener.h"
#include "user/net/interface_change.h"

namespace flowstamp::kernel {

/// The interfaces that are to be watched, and what becomes of them. One that has gone is expected
/// back by its last name, or by the one that it was asked for by. Knows nothing of programs.
class WatchedLinks {
  public:
    /// A change of the interface number `which`, in the order of add(). Those that patterns have
    /// brought follow; the number of one that has gone is used again.
    struct Change {
        std::size_t which;
        net::InterfaceChange what;
    };

    /// `link` is its present state; `link.name` is the one that it was asked for by, unless a
    /// pattern asked for it.
    void add(const LinkMessage& link, bool is_named = true) {
        links_.push_back({is_named ? link.name : "", link, true});
    }
    /// From now on every interface that matches it and is up is watched, too; see is_pattern().
    void add_pattern(std::string pattern) { patterns_.push_back(std::move(pattern)); }

    /// What has changed. Without a change that matters: nothing.
    [[nodiscard]] std::vector<Change> update(const LinkNews& news);

    [[nodiscard]] std::size_t count() const { return links_.size(); }
    [[nodiscard]] bool is_there(std::size_t which) const { return links_[which].is_there; }
    /// Its present state; of one that has gone: the last.
    [[nodiscard]] const LinkMessage& state(std::size_t which) const { return links_[which].state; }

  private:
    struct Watched {
        std::string asked;  ///< empty: by a pattern
        LinkMessage state;
        bool is_there;
    };

    void apply(const LinkMessage& message, std::vector<Change>& changes);
    void add_if_wanted(const LinkMessage& message, std::vector<Change>& changes);
    void compare(std::size_t which, const LinkMessage& message, std::vector<Change>& changes);
    void add_change(std::size_t which, net::InterfaceChange change, std::vector<Change>& changes);

    std::vector<Watched> links_;
    std::vector<std::string> patterns_;
};

}  // namespace flowstamp::kernel
