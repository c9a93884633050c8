// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What the text outputs print: events whose strings have been through printable().
#pragma once

#include "user/output/event.h"
#include "user/pathtrace/path_sample.h"

namespace flowstamp::output {

/// A copy in which every string that may hold something from outside is printable. An event's new
/// string belongs here.
[[nodiscard]] Event cleaned(const Event& event);
[[nodiscard]] pathtrace::PathSample cleaned(pathtrace::PathSample sample);

}  // namespace flowstamp::output
