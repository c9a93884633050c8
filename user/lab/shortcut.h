// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/base/result.h"
#include "user/lab/topology.h"

namespace flowstamp::lab {

/// The addresses of a shortcut's ends.
struct Shortcut {
    IpAddress near, far;
};

/// A link of its own between two routers of the lab (1 is the client's), beside the path: interface
/// "shortcut" at both. No route uses it yet. It goes with the lab, one in each.
Result<Shortcut> add_shortcut(const Lab& lab, unsigned near, unsigned far);

}  // namespace flowstamp::lab
