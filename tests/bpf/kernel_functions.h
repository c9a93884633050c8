// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace flowstamp::testing {

/// Functions of the running kernel and its modules by address, from /proc/kallsyms; empty if it hides
/// addresses.
std::map<std::uint64_t, std::string> kernel_functions();

}  // namespace flowstamp::testing
