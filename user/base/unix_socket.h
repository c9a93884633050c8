// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp {

struct UnixConnection {
    Fd fd;
    bool is_datagram = false;  ///< each write is a message of its own
};

/// Connects to the socket that somebody reads at `path`, whether of streams or of datagrams. Waits
/// for nobody.
[[nodiscard]] Result<UnixConnection> connect_unix(const std::string& path);

}  // namespace flowstamp
