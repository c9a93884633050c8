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

std::string_view xdp_attach_effect(const Interface& interface) {
    // Linux: igb_xdp_setup() closes and opens the device, i40e_xdp_setup() resets and rebuilds it.
    if (interface.driver == "igb" || interface.driver == "i40e") {
        return "the card is reset: its link is down for a moment";
    }
    // virtnet_xdp_set() stops and restarts its queues, and takes as many again for sending.
    if (interface.driver == "virtio_net") {
        return "its queues are stopped for a moment, and more of them used";
    }
    return "";
}

bool automatic_is_xdp(const Interface& interface, bool acting) {
    return acting || xdp_cost(interface).empty();
}

}  // namespace flowstamp::kernel
