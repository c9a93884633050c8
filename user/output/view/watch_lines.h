// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "user/output/sink.h"
#include "user/output/style.h"
#include "user/output/view/watch_choice.h"
#include "user/output/view/watch_view.h"

namespace flowstamp::output {

/// A screen full of lines: as many as it has rows, and from 40 columns on none wider. The keys are
/// explained in the last one.
[[nodiscard]] std::vector<std::string> lines_of(const WatchView& view, const WatchChoice& choice,
                                                Output::Size size, const Style& style);

/// What a screen of this size shows, for WatchChoice::press().
[[nodiscard]] WatchChoice::Drawn drawn_of(const WatchView& view, const WatchChoice& choice,
                                          Output::Size size);

/// The incident that is open, whole: its evidence, its box, what to do.
[[nodiscard]] std::vector<std::string> page_of(const WatchView& view, const WatchChoice& choice,
                                               std::size_t width, const Style& style);

/// All incidents, boxes, traffic, losses and messages, as far as they fit into `size`.
[[nodiscard]] std::vector<std::string> overview_of(const WatchView& view, const WatchChoice& choice,
                                                   Output::Size size, const Style& style);

}  // namespace flowstamp::output
