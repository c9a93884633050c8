// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The end of the demo: a row for each step, and whether everything turned out as expected.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "user/cmd/demo/download_run.h"
#include "user/cmd/demo/narrator.h"

namespace flowstamp::cmd::demo {

/// A connection of a scenario without an injector.
struct ConversationRow {
    std::string attempt;
    std::string socket;    ///< how it ended
    std::string reported;  ///< findings of watch
};

class Summary {
  public:
    void add(const RunRecord& record);
    void add(ConversationRow row) { conversations_.push_back(std::move(row)); }

    /// One expectation of a step: `what` describes the deviation if it is not met.
    void expect(std::string_view step, bool is_met, const std::string& what);
    void expect(const RunRecord& record, bool is_met, const std::string& what) {
        expect(record.name, is_met, what);
    }

    [[nodiscard]] bool is_as_expected() const { return differences_.empty(); }
    /// Prints the tables and the deviations.
    void report(Narrator& narrator) const;

  private:
    struct Row {
        std::string step, sent, download, verdict, action, answer;
    };
    std::vector<Row> rows_;
    std::vector<ConversationRow> conversations_;
    std::vector<std::string> differences_;
};

}  // namespace flowstamp::cmd::demo
