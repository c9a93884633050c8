// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <string>

#include "user/base/fd.h"
#include "user/net/capture/byte_source.h"

namespace flowstamp::net {

/// Reads a pipe, gzip-compressed or not, and passes data on as it arrives. Ends when `stop` becomes
/// readable (-1: never).
[[nodiscard]] std::unique_ptr<ByteSource> read_pipe(Fd fd, std::string title, int stop);

}  // namespace flowstamp::net
