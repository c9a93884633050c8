// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "flowstamp/path.h"
#include "user/base/result.h"

namespace flowstamp::pathtrace {

/// The original direction of the conntrack entry that has `tuple` in either direction, in the calling
/// thread's network namespace and zone 0; nothing if none has. Only TCP, UDP, SCTP and the like, which
/// have ports: EPROTONOSUPPORT for others.
[[nodiscard]] Result<std::optional<fst_path_tuple>> find_conntrack_entry(
    const fst_path_tuple& tuple);

}  // namespace flowstamp::pathtrace
