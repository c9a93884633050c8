// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs on the lab's hosts run as the program itself runs others.
#pragma once

#include "user/base/process.h"

namespace flowstamp::lab {

using flowstamp::Argv;
using flowstamp::Child;
using flowstamp::CommandOutput;
using flowstamp::require_command;
using flowstamp::run_command;

}  // namespace flowstamp::lab
