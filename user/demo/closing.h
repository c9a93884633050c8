// SPDX-License-Identifier: Apache-2.0
//
// The end of the demo: a row for each act, and whether everything turned out as the story says.
#pragma once

#include <string>
#include <vector>

#include "user/demo/act.h"
#include "user/demo/narrator.h"

namespace flowstamp::demo {

class Closing {
  public:
    void add(const ActRecord& record);

    /// One thing that the story says of an act: `what` is how it differs if it is not so.
    void expect(const ActRecord& record, bool as_told, const std::string& what);

    [[nodiscard]] bool is_as_told() const { return differences_.empty(); }
    /// The table, and what differed.
    void tell(Narrator& narrator) const;

  private:
    struct Row {
        std::string act, sent, download, verdict, action, answer;
    };
    std::vector<Row> rows_;
    std::vector<std::string> differences_;
};

}  // namespace flowstamp::demo
