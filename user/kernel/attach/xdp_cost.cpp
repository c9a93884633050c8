// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/xdp_cost.h"

namespace flowstamp::kernel {

std::string_view xdp_cost(const Interface& interface) {
    if (!interface.has_ethernet()) {
        return "";  // XDP cannot be attached anyway
    }
    // With XDP they hand over frames of one packet each, not segments of up to 64 KiB; "tun" is
    // also the driver of tap devices.
    if (interface.driver == "veth" || interface.driver == "tun") {
        return "its large segments";
    }
    return interface.merges_in_hardware ? "its merging of packets in hardware (LRO, GRO-HW)" : "";
}

bool automatic_is_xdp(const Interface& interface, bool acting) {
    return acting || xdp_cost(interface).empty();
}

}  // namespace flowstamp::kernel
