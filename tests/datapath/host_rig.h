// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>

#include "tests/datapath/rig.h"

namespace flowstamp::testing {

/// The data path compiled for the host.
std::unique_ptr<Rig> make_host_rig(const RigOptions& options);

}  // namespace flowstamp::testing
