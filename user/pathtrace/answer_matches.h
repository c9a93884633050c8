// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <vector>

#include "flowstamp/path.h"

namespace flowstamp::pathtrace {

/// What is followed, and with it the answers to translated packets: they have another tuple until
/// conntrack has translated it back, and are followed from their arrival on by a match of their own.
class AnswerMatches {
  public:
    explicit AnswerMatches(std::vector<fst_path_match> matches);

    /// Whether the filter itself matches the answers of all packets that it matches.
    [[nodiscard]] bool follow_all() const { return follow_all_; }
    /// The match for answers to a packet like this one, if it is a new one, and there is room for it.
    [[nodiscard]] std::optional<fst_path_match> learn(const fst_path_event& event);

  private:
    std::vector<fst_path_match> matches_;
    bool follow_all_;
};

}  // namespace flowstamp::pathtrace
