// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/open_flow_text.h"

#include <fmt/format.h>

#include "user/base/time_text.h"
#include "user/net/endpoint.h"
#include "user/net/names.h"
#include "user/net/stamps.h"
#include "user/output/text/signature_text.h"

namespace flowstamp::output {

namespace {

std::string stamp_text(const fst_stamp& stamp, const fst_direction& direction, bool v4,
                       Nanoseconds now) {
    const std::string id = v4 ? fmt::format("  id {:#06x}", stamp.ip_id) : "";
    return fmt::format("{:>12} ago  ttl {:<3}{}  {}\n",
                       duration_text(now - net::time_of(stamp, direction)), stamp.ttl, id,
                       net::tcp_flags_short(stamp.tcp_flags));
}

std::string direction_text(std::string_view name, const fst_direction& direction, bool v4,
                           Nanoseconds now) {
    if (direction.packets == 0) {
        return fmt::format("    {}  nothing seen\n", name);
    }
    std::string text =
        fmt::format("    {}  {} packets, {} bytes", name, direction.packets, direction.bytes);
    if (const std::string ttls = net::ttl_set_text(direction); !ttls.empty()) {
        text += fmt::format(", {} {}", v4 ? "ttl" : "hop limit", ttls);
    }
    if (v4) {
        text += fmt::format(", IP-ID {}", net::id_class_name(fst_id_class_of(&direction)));
    }
    if (direction.min_rtt_us != 0) {
        text +=
            fmt::format(", RTT {}", duration_text(std::chrono::microseconds(direction.min_rtt_us)));
    }
    if (direction.retransmitted != 0) {
        text += fmt::format(", {} retransmitted", direction.retransmitted);
    }
    text += "\n";
    for (const fst_stamp& stamp : net::stamps_of(direction)) {
        text += stamp_text(stamp, direction, v4, now);
    }
    return text;
}

}  // namespace

std::string open_flow_text(const OpenFlow& its) {
    const analysis::FlowRecord& record = its.record;
    const Nanoseconds now = record.wall - its.offset;
    const fst_flow& flow = record.slot;
    const unsigned opener = net::opener_of(flow);
    const net::Endpoint from = net::end_of(flow.key, opener);
    const net::Endpoint to = net::end_of(flow.key, opener ^ 1U);
    const Nanoseconds last(static_cast<std::int64_t>(net::last_packet_ns(flow)));
    return fmt::format("{} > {}  {}  {}, last packet {} ago\n{}{}", from.text(), to.text(),
                       record.interface, net::state_name(flow), duration_text(now - last),
                       direction_text(">", flow.direction[opener], to.is_v4(), now),
                       direction_text("<", flow.direction[opener ^ 1U], to.is_v4(), now));
}

std::string learned_text(const LearnedEntry& entry) {
    return fmt::format("process {}: {} at {}, learned {}, last seen {}\n", entry.pid,
                       signature_text(entry.learned.signature), entry.interface,
                       eve_timestamp(entry.learned.learned), eve_timestamp(entry.learned.seen));
}

}  // namespace flowstamp::output
