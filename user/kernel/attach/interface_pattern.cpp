// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/interface_pattern.h"

#include <fnmatch.h>

#include <string_view>

namespace flowstamp::kernel {

namespace {

constexpr std::string_view kAny = "any";

}  // namespace

bool is_pattern(const std::string& name) {
    return name == kAny || name.find_first_of("*?[") != std::string::npos;
}

bool matches(const std::string& pattern, const std::string& name) {
    return pattern == kAny || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

}  // namespace flowstamp::kernel
