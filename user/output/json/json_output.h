// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/output/event.h"
#include "user/output/sink.h"

namespace flowstamp::output {

/// One JSON object a line: json_of() of each event.
class JsonOutput final : public Consumer {
  public:
    /// `losses_only`: of packets' paths, only those that end in a loss.
    JsonOutput(Output& output, bool losses_only) : output_(output), losses_only_(losses_only) {}
    void consume(const Event& event) override;

  private:
    Output& output_;
    bool losses_only_;
    std::string capture_{};  ///< empty: none
};

}  // namespace flowstamp::output
