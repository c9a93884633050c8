// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/output/event.h"
#include "user/output/json/json_events.h"
#include "user/output/sink.h"

namespace flowstamp::output {

/// The event as a line, without its end. `capture`: the file that it is about; may be empty.
[[nodiscard]] std::string json_line(Json event, const std::string& capture);

/// One JSON object per line: json_of() of each event.
class JsonOutput final : public Consumer {
  public:
    /// `losses_only`: omits the paths of packets that arrived. `summarize`: of an incident's
    /// findings only the first.
    JsonOutput(Output& output, bool losses_only, bool summarize = false)
        : output_(output), losses_only_(losses_only), summarize_(summarize) {}
    void consume(const Event& event) override;
    [[nodiscard]] bool wants(const Event& event) const override;

  private:
    Output& output_;
    bool losses_only_;
    bool summarize_;
    std::string capture_{};  ///< current file; empty: none
};

}  // namespace flowstamp::output
