// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/parse_frame.h"

#include "bpf/host/datapath.h"

namespace flowstamp::cmd {

std::optional<fst_packet> parse_frame(std::span<std::uint8_t> bytes, std::uint32_t ifindex,
                                      Nanoseconds time) {
    const fst_datapath_frame frame{.data = bytes.data(),
                                   .bytes = static_cast<__u32>(bytes.size()),
                                   .room = 0,
                                   .ifindex = ifindex,
                                   .came_in_by = 0,
                                   .time_ns = static_cast<__u64>(time.count()),
                                   .hook = FST_HOOK_XDP,
                                   .has_mac = 1,
                                   .has_no_socket = 0};
    fst_packet packet{};
    return fst_datapath_parse(&frame, &packet) ? std::optional(packet) : std::nullopt;
}

}  // namespace flowstamp::cmd
