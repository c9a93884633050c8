// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace flowstamp::cmd {

/// `flowstamp doctor [-i IFACE ...]`: prints a line for each feature of this kernel, these
/// privileges and these interfaces that `watch` and `path` need; removes what crashed runs
/// left behind. Returns the exit status: 0 if `watch` can run (on every interface named), else 1.
int run_doctor(const std::vector<std::string>& interfaces, std::FILE* out);

}  // namespace flowstamp::cmd
