// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string_view>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp {

/// What the system's journal is called where the name of a file could stand.
inline constexpr std::string_view kJournal = "journal";

/// A stream to the system's journal (sd_journal_stream_fd(3)): each line that is written to it
/// becomes an entry of this program. Fails where no journal runs.
[[nodiscard]] Result<Fd> open_journal();

}  // namespace flowstamp
