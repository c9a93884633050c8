// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "user/output/byte_budget.h"
#include "user/output/event.h"
#include "user/output/sink.h"

namespace flowstamp::output {

/// One output of a watch, which must neither wait for it nor end with it. Events go out as long as
/// the output takes them and the budget allows them; the others are counted, and told of when the
/// output takes something again.
class LiveSink final : public Consumer {
  public:
    using Notice = std::function<void(std::string_view)>;

    /// `format` writes to `output`; both and `clock` outlive it. `notice`: receives a line when the
    /// output stops taking events.
    LiveSink(Output& output, Consumer& format, const Clock& clock, Notice notice);

    void consume(const Event& event) override;
    [[nodiscard]] bool wants(const Event& event) const override { return format_.wants(event); }
    /// To be called ten times a second.
    void tick();
    /// Waits for the output to take what is left, but not for long. Fails if events are missing
    /// other than by the budget.
    [[nodiscard]] Status finish();

    /// Events that this output does not contain, since the start.
    struct Tally {
        std::uint64_t above_bound = 0;
        std::uint64_t not_taken = 0;
    };
    [[nodiscard]] Tally left_out() const {
        return {.above_bound = total_ - lost_, .not_taken = lost_};
    }

  private:
    /// What `event` is in this format.
    [[nodiscard]] std::string text_of(const Event& event);
    void check_output();
    void tell_left_out();

    Output& output_;
    Consumer& format_;
    const Clock& clock_;
    Notice notice_;
    ByteBudget budget_;
    std::uint64_t above_bound_ = 0;  ///< not told yet
    std::uint64_t not_taken_ = 0;    ///< not told yet
    std::uint64_t total_ = 0;
    std::uint64_t lost_ = 0;  ///< in all, without those above the bound
    Nanoseconds told_{0};
    bool is_in_trouble_ = false;
    Error trouble_{};  ///< the latest
};

}  // namespace flowstamp::output
