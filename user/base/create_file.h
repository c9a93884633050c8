// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp {

/// Opens `path` for writing: a new file, readable by its owner only, or an existing one, truncated.
/// In a directory where others can write, such as /tmp, a symbolic link is refused: it may have
/// been put there to have another file overwritten. Does not wait for the reader of a named pipe:
/// fails if there is none. `flags`: of open(2), beside these.
[[nodiscard]] Result<Fd> create_file(const std::string& path, int flags = 0);

/// The same, but what an existing file holds is kept, and each write goes to its end.
[[nodiscard]] Result<Fd> append_to_file(const std::string& path);

}  // namespace flowstamp
