// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

#include "user/net/interface_change.h"

namespace flowstamp::output {

/// "eth1 is back: attached (xdp ingress, tcx egress)".
[[nodiscard]] std::string interface_text(const net::InterfaceChange& change);

/// "xdp ingress, tcx egress"; without the hook whose name is empty.
[[nodiscard]] std::string hooks_text(std::string_view ingress, std::string_view egress);

}  // namespace flowstamp::output
