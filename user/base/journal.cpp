// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/journal.h"

#include <syslog.h>
#include <systemd/sd-journal.h>

namespace flowstamp {

Result<Fd> open_journal() {
    constexpr int kNoPriorityInLines = 0;
    const int stream = ::sd_journal_stream_fd("flowstamp", LOG_INFO, kNoPriorityInLines);
    if (stream < 0) {
        return fail_errno("open", std::string(kJournal), stream,
                          "systemd's journal does not run here; --log FILE writes to a file");
    }
    return Fd(stream);
}

}  // namespace flowstamp
