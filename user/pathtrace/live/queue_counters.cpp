// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/queue_counters.h"

#include <linux/gen_stats.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <optional>

#include "user/kernel/attach/netlink.h"
#include "user/kernel/attach/netlink_request.h"

namespace flowstamp::pathtrace {

namespace {

using kernel::Bytes;

std::uint64_t drops_of(Bytes statistics) {
    gnet_stats_queue queue{};
    kernel::each_attribute(statistics, [&](std::uint16_t type, Bytes value) {
        if (type == TCA_STATS_QUEUE) {
            std::memcpy(&queue, value.data(), std::min(sizeof(queue), value.size()));
        }
    });
    return queue.drops;
}

std::optional<Queue> read_queue(Bytes body) {
    tcmsg header{};
    if (body.size() < sizeof(header)) {
        return std::nullopt;
    }
    std::memcpy(&header, body.data(), sizeof(header));
    Queue queue{.ifindex = static_cast<std::uint32_t>(header.tcm_ifindex),
                .handle = header.tcm_handle,
                .parent = header.tcm_parent};
    kernel::each_attribute(body.subspan(sizeof(header)), [&](std::uint16_t type, Bytes value) {
        if (type == TCA_KIND) {
            queue.kind = kernel::text_of(value);
        } else if (type == TCA_STATS2) {
            queue.drops = drops_of(value);
        }
    });
    return queue;
}

}  // namespace

std::vector<Queue> read_queues() {
    kernel::NetlinkRequest request(RTM_GETQDISC, NLM_F_DUMP);
    request.put(tcmsg{});
    std::vector<Queue> queues;
    const Status listed =
        kernel::dump(request.bytes(), "queueing disciplines", [&](Bytes datagram) {
            kernel::each_message(datagram, [&](const nlmsghdr& header, Bytes body) {
                const auto queue =
                    header.nlmsg_type == RTM_NEWQDISC ? read_queue(body) : std::nullopt;
                if (queue) {
                    queues.push_back(*queue);
                }
                return true;
            });
        });
    return listed ? queues : std::vector<Queue>();
}

}  // namespace flowstamp::pathtrace
