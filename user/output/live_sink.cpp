// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/live_sink.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kTellEvery = 1s;
constexpr Nanoseconds kFinishWithin = 500ms;

/// One packet is enough for one of these; the others need evidence.
bool is_important(const Event& event) {
    return !std::holds_alternative<analysis::Reset>(event) &&
           !std::holds_alternative<analysis::FlowRecord>(event);
}

}  // namespace

LiveSink::LiveSink(Output& output, Consumer& format, const Clock& clock, Notice notice)
    : output_(output),
      format_(format),
      clock_(clock),
      notice_(std::move(notice)),
      budget_(clock.monotonic()) {
    output_.outlive();
}

std::string LiveSink::text_of(const Event& event) {
    output_.hold();
    format_.consume(event);
    return output_.take_held();
}

void LiveSink::consume(const Event& event) {
    if (std::holds_alternative<analysis::Summary>(event)) {
        if (total_ != 0) {
            tell_left_out();
        }
        output_.write(text_of(event));
    } else if (!format_.wants(event)) {
        return;
    } else if (!output_.has_room()) {
        ++not_taken_;
        ++total_;
        ++lost_;
    } else if (!budget_.has_left(is_important(event), clock_.monotonic())) {
        ++above_bound_;
        ++total_;
    } else {
        const std::string text = text_of(event);
        budget_.spend(text.size());
        output_.write(text);
    }
}

void LiveSink::tick() {
    output_.retry();
    check_output();
    if (above_bound_ + not_taken_ != 0 && output_.has_room() &&
        clock_.monotonic() >= told_ + kTellEvery) {
        tell_left_out();
    }
}

/// Trouble ends when all that was kept has been taken: a slow reader is one trouble, not many.
void LiveSink::check_output() {
    const bool is_stalled = !output_.has_room();
    if (output_.health() && !is_stalled) {
        is_in_trouble_ = is_in_trouble_ && output_.kept_bytes() != 0;
        return;
    }
    trouble_ = output_.health() ? Error{.operation = "write",
                                        .object = output_.name(),
                                        .reason = "its reader has stopped reading"}
                                : output_.health().error();
    if (!std::exchange(is_in_trouble_, true)) {
        Error told = trouble_;
        told.hint = "the watch goes on, and counts what is left out";
        notice_(told.message());
    }
}

void LiveSink::tell_left_out() {
    output_.write(text_of(LeftOut{.wall = clock_.realtime(),
                                  .above_bound = std::exchange(above_bound_, 0),
                                  .not_taken = std::exchange(not_taken_, 0),
                                  .total = total_}));
    told_ = clock_.monotonic();
}

Status LiveSink::finish() {
    output_.drain(clock_, kFinishWithin);
    if (output_.kept_bytes() != 0 && output_.health()) {
        trouble_ = {.operation = "write",
                    .object = output_.name(),
                    .reason = "its reader has stopped reading"};
    } else if (output_.kept_bytes() != 0) {
        trouble_ = output_.health().error();
    } else if (lost_ == 0) {
        return {};
    }
    std::string missing;
    if (lost_ != 0) {
        missing = counted_grouped(lost_, "event");
    }
    if (output_.kept_bytes() != 0) {
        missing += fmt::format("{}the last {}", missing.empty() ? "" : " and ",
                               counted_grouped(output_.kept_bytes(), "byte"));
    }
    Error error = trouble_;
    error.hint = "missing in the report: " + missing;
    return fail(std::move(error));
}

}  // namespace flowstamp::output
