// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "flowstamp/hops.h"
#include "user/base/time_text.h"
#include "user/net/endpoint.h"
#include "user/net/identity.h"
#include "user/net/names.h"
#include "user/net/packet_stamp.h"

namespace flowstamp::output {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLineBytes = 1024;  // the longest is about 560

/// Any well-mixing hash will do: a collision only costs time.
std::size_t cache_hash(const fst_packet& packet) {
    std::uint64_t words[(sizeof(packet.key) + 7) / sizeof(std::uint64_t)] = {};
    std::memcpy(words, &packet.key, sizeof(packet.key));
    std::uint64_t hash = packet.direction * 2U + (packet.hook == FST_HOOK_TC_EGRESS ? 1U : 0U);
    for (const std::uint64_t word : words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 32U;
    }
    return hash;
}

bool is_same(const fst_flow_key& one, const fst_flow_key& other) {
    return std::memcmp(&one, &other, sizeof(one)) == 0;
}

/// As a JSON string: an interface name may contain a quotation mark.
std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

StampJson::StampJson(StampFile& file, std::vector<StampPlace> places, const WallTime& wall)
    : StampWriter(file, std::move(places), wall), remembered_(kRemembered) {}

/// What was remembered of it before lacks its name.
void StampJson::added(const StampPlace&) {
    remembered_.assign(kRemembered, {});
}

const StampJson::Common& StampJson::common_of(const fst_packet& packet) {
    Common& common = remembered_[cache_hash(packet) % kRemembered];
    if (!common.head.empty() && common.direction == packet.direction &&
        common.hook == packet.hook && is_same(common.key, packet.key)) {
        return common;
    }
    const auto place = std::ranges::find_if(places_, [&](const StampPlace& its) {
        return its.ifindex == packet.key.ifindex && its.hook == packet.hook;
    });
    const bool is_known = place != places_.end();
    const net::Endpoint from = net::sender_of(packet), to = net::receiver_of(packet);
    common = {
        .key = packet.key,
        .direction = packet.direction,
        .hook = packet.hook,
        .head = fmt::format(
            R"("in_iface":{},"event_type":"stamp","src_ip":"{}","src_port":{},"dest_ip":"{}",)"
            R"("dest_port":{},"proto":"{}","community_id":"{}")",
            quoted(is_known ? place->interface : fmt::format("if{}", packet.key.ifindex)),
            from.ip_text(), from.port, to.ip_text(), to.port,
            net::protocol_name(packet.key.protocol), net::community_id(packet.key)),
        .place = fmt::format(R"("hook":"{}","direction":"{}")", is_known ? place->method : "",
                             packet.hook == FST_HOOK_TC_EGRESS ? "out" : "in")};
    return common;
}

/// Text up to the second, formatted once per second.
const std::string& StampJson::timestamp(Nanoseconds wall) {
    constexpr std::size_t kToTheSecond = 19;  // 2026-11-20T12:00:00
    const auto second = std::chrono::floor<std::chrono::seconds>(wall).count();
    if (second != second_) {
        second_ = second;
        second_text_ = eve_timestamp(wall).substr(0, kToTheSecond);
    }
    return second_text_;
}

void StampJson::write(std::span<const fst_packet_stamp> stamps) {
    for (const fst_packet_stamp& stamp : stamps) {
        write(net::packet_of(stamp), wall_of(stamp));
    }
}

void StampJson::write(const fst_packet& packet, Nanoseconds wall) {
    const Common& common = common_of(packet);
    const bool v4 = !(packet.flags & FST_PACKET_IPV6);
    char* const start = file_.room(kLineBytes).data();
    char* at = fmt::format_to(
        start,
        R"({{"timestamp":"{}.{:06}+0000",{},"stamp":{{{},"segments":{},"payload":{}}},)"
        R"("packet":{{"{}":{},"hops":{})",
        timestamp(wall), wall % 1s / 1us, common.head, common.place, packet.segments,
        packet.payload, v4 ? "ttl" : "hoplimit", packet.ttl, fst_hops(packet.ttl));
    if (v4) {
        at = fmt::format_to(at, R"(,"ipid":{},"df":{})", packet.ip_id,
                            (packet.flags & FST_PACKET_DF) != 0);
    }
    at = fmt::format_to(at,
                        R"(,"tcp_flags":"{:02x}","tcpseq":{},"tcpack":{},"tcpwin":{},"len":{}}}}})"
                        "\n",
                        packet.tcp_flags, packet.seq, packet.ack, packet.window, packet.ip_bytes);
    file_.append(static_cast<std::size_t>(at - start));
}

}  // namespace flowstamp::output
