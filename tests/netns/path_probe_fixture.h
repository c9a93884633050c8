// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A path probe on a lab host, and its records.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/netns/lab_fixture.h"
#include "user/pathtrace/kernel_matches.h"
#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/live/path_probe.h"

namespace flowstamp::lab {

inline constexpr std::uint8_t kIpv4 = 2;   // NFPROTO_IPV4
inline constexpr std::uint8_t kIpv6 = 10;  // NFPROTO_IPV6
enum Hook : std::uint8_t { kPrerouting, kInput, kForward, kOutput, kPostrouting };

inline pathtrace::Station at_hook(std::uint8_t hook, std::int32_t priority,
                                  std::optional<std::int32_t> up_to = std::nullopt) {
    return {.pf = kIpv4, .hook = hook, .priority = priority, .up_to = up_to};
}
inline pathtrace::Station at_tc(pathtrace::Station::Kind kind, std::string interface) {
    return {.kind = kind, .interface = std::move(interface)};
}

/// Stations around conntrack, NAT and filter of every hook: what a ruleset of the usual tables
/// needs.
inline std::vector<pathtrace::Station> router_stations(const lab::Namespace& host) {
    std::vector<pathtrace::Station> stations;
    for (const lab::Side side : {lab::Side::Client, lab::Side::Server}) {
        stations.push_back(at_tc(pathtrace::Station::Kind::tc_ingress, host.toward(side).name));
        stations.push_back(at_tc(pathtrace::Station::Kind::tc_egress, host.toward(side).name));
    }
    for (const std::int32_t priority : {-301, -199, -101, -99}) {
        stations.push_back(at_hook(kPrerouting, priority));
    }
    for (const std::uint8_t hook : {kInput, kForward, kOutput}) {
        stations.push_back(at_hook(hook, -1));
        stations.push_back(at_hook(hook, 1));
    }
    stations.push_back(at_hook(kPostrouting, 99));
    stations.push_back(at_hook(kPostrouting, 101));
    return stations;
}

/// The probe runs in `host`, the reader here.
class PathWatch {
  public:
    PathWatch(const lab::Namespace& host, pathtrace::PathProbeOptions options)
        : probe_(require(host.run_in([&] { return pathtrace::PathProbe::start(options); }))),
          reader_(require(probe_.events([this](const fst_path_event& event) { consume(event); }))) {
    }

    pathtrace::PathProbe& probe() { return probe_; }

    /// The records since the last call.
    std::vector<fst_path_event> events() {
        std::this_thread::sleep_for(50ms);  // buffers are freed a moment after their last use
        while (require(reader_.consume()) > 0) {
        }
        EXPECT_EQ(reader_.rejected(), 0U);
        return std::exchange(events_, {});
    }

    /// "ingress(to-client) prerouting-301 ... egress(to-server)": one packet's path.
    std::string path_text(const std::vector<fst_path_event>& path) const {
        std::string text;
        for (const fst_path_event& event : path) {
            text += (text.empty() ? "" : " ") + step(event);
        }
        return text;
    }

  private:
    void consume(const fst_path_event& event) { events_.push_back(event); }

    std::string step(const fst_path_event& event) const {
        switch (event.header.kind) {
            case FST_PATH_DROPPED:
                return pathtrace::drop_reason_name(event.drop_reason);
            case FST_PATH_CONSUMED:
                return "consumed";
            case FST_PATH_SOCKET:
                return "socket";
            default:
                break;
        }
        const pathtrace::Station& station = probe_.stations().at(event.station).station;
        if (station.kind != pathtrace::Station::Kind::netfilter) {
            return fmt::format(
                "{}({})",
                station.kind == pathtrace::Station::Kind::tc_ingress ? "ingress" : "egress",
                station.interface);
        }
        static constexpr std::array kNames = {"prerouting", "input", "forward", "output",
                                              "postrouting"};
        return fmt::format("{}{:+}", kNames.at(station.hook), station.priority);
    }

    std::vector<fst_path_event> events_;
    pathtrace::PathProbe probe_;
    pathtrace::PathReader reader_;
};

/// Groups the records by packet, in order; packets in the order of their first record.
inline std::vector<std::vector<fst_path_event>> paths_of(
    const std::vector<fst_path_event>& events) {
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<fst_path_event>> by_packet;
    for (const fst_path_event& event : events) {
        by_packet[{event.began_ns, event.skb}].push_back(event);
    }
    std::vector<std::vector<fst_path_event>> all;
    all.reserve(by_packet.size());
    for (auto& [name, path] : by_packet) {
        all.push_back(std::move(path));
    }
    return all;
}

inline std::string address_text(const __be32 (&address)[4]) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &address[3] : &address[0], text.data(), text.size());
    return text.data();
}

/// "198.51.100.2 > 203.0.113.2:80", without the source's port, which is the kernel's choice.
inline std::string tuple_text(const fst_path_tuple& tuple) {
    return fmt::format("{} > {}:{}", address_text(tuple.source), address_text(tuple.destination),
                       ntohs(tuple.destination_port));
}

inline fst_path_match tcp_port(std::uint16_t port) {
    fst_path_match match = pathtrace::match_everything();
    match.family = 4;
    match.protocol = IPPROTO_TCP;
    match.destination_port[0] = match.destination_port[1] = port;
    match.both_directions = 1;
    return match;
}

inline fst_path_match protocol(std::uint8_t number) {
    fst_path_match match = pathtrace::match_everything();
    match.protocol = number;
    return match;
}

}  // namespace flowstamp::lab
