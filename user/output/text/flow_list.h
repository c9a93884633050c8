// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/output/event.h"
#include "user/output/sink.h"
#include "user/output/style.h"

namespace flowstamp::output {

/// The title of the list's columns.
[[nodiscard]] std::string flow_list_title();

/// A flow in a line of columns: state, time since its latest packet, bytes, packets, round trip,
/// resets, ends. With IPv4 at most 80 characters, unless `wide`: then interface and both directions
/// follow.
[[nodiscard]] std::string flow_line(const OpenFlow& flow, bool wide);

/// `flowstamp flows`: the title, then a line a flow.
class FlowList final : public Consumer {
  public:
    FlowList(Output& output, Style style, bool wide)
        : output_(output), style_(style), wide_(wide) {}

    void consume(const Event& event) override;
    [[nodiscard]] bool wants(const Event& event) const override {
        return std::holds_alternative<OpenFlow>(event);
    }

  private:
    Output& output_;
    Style style_;
    bool wide_;
    bool has_title_ = false;
};

}  // namespace flowstamp::output
