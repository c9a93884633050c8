// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The words of an incident in the live view of a watch.
#pragma once

#include <string>

#include "user/output/view/watch_view.h"

namespace flowstamp::output {

/// "confirmed forged-rst", "suspected stalled, ended".
[[nodiscard]] std::string kind_text(const WatchView::Row& row);

/// Who is to blame, as far as that is known, and whose connections suffer: "box #1, 1 hop away:
/// 57 clients > 10.2.0.2:80".
[[nodiscard]] std::string cause_text(const WatchView::Row& row, const WatchView& view);

/// What is wrong, in sentences; empty if the finding is not known.
[[nodiscard]] std::string why_text(const WatchView::Row& row);

/// How long ago, in one unit: "now", "12 s", "5 min", "3 h", "2 d".
[[nodiscard]] std::string age_text(Nanoseconds age);

}  // namespace flowstamp::output
