// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The end of the demo: a row for each act, and whether everything turned out as the story says.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "user/cmd/demo/act.h"
#include "user/cmd/demo/narrator.h"

namespace flowstamp::cmd::demo {

/// A connection of a story without a forger.
struct ConversationRow {
    std::string attempt;
    std::string socket;  ///< how it fared
    std::string told;    ///< by watch
};

class Closing {
  public:
    void add(const ActRecord& record);
    void add(ConversationRow row) { conversations_.push_back(std::move(row)); }

    /// One thing that the story says of an act: `what` is how it differs if it is not so.
    void expect(std::string_view act, bool as_told, const std::string& what);
    void expect(const ActRecord& record, bool as_told, const std::string& what) {
        expect(record.name, as_told, what);
    }

    [[nodiscard]] bool is_as_reported() const { return differences_.empty(); }
    /// The tables, and what differed.
    void report(Narrator& narrator) const;

  private:
    struct Row {
        std::string act, sent, download, verdict, action, answer;
    };
    std::vector<Row> rows_;
    std::vector<ConversationRow> conversations_;
    std::vector<std::string> differences_;
};

}  // namespace flowstamp::cmd::demo
