// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Not for includers outside user/kernel.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace flowstamp::kernel {

/// Whether one of these features of a network device is on, by the names of ethtool -k in full
/// ("rx-lro", "rx-gro-hw"). False if the kernel does not say. `socket`: any one, opened in the
/// device's network namespace.
[[nodiscard]] bool has_any_feature(int socket, const std::string& interface,
                                   std::initializer_list<std::string_view> names);

}  // namespace flowstamp::kernel
