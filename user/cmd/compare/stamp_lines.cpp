// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/compare/stamp_lines.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "user/cmd/replay/parse_frame.h"
#include "user/net/packet_headers.h"

namespace flowstamp::cmd {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kPiece = std::size_t{128} << 10U;
constexpr std::size_t kLineMax = std::size_t{1} << 20U;

/// 16 bytes, network order; IPv4 as ::ffff:a.b.c.d.
bool read_address(const std::string& text, __be32 (&address)[4]) {
    if (text.contains(':')) {
        return ::inet_pton(AF_INET6, text.c_str(), address) == 1;
    }
    address[0] = address[1] = 0;
    address[2] = ::htonl(0xffff);
    return ::inet_pton(AF_INET, text.c_str(), &address[3]) == 1;
}

/// "2026-11-20T12:00:00.123456+0000", always UTC; nanoseconds since 1970.
std::optional<std::int64_t> read_timestamp(const std::string& text) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::tm time{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
    if (rest == nullptr || *rest != '.') {
        return std::nullopt;
    }
    std::int64_t fraction = 0;
    std::int64_t unit = kSecond;
    for (++rest; *rest >= '0' && *rest <= '9' && unit > 1; ++rest) {
        unit /= 10;
        fraction += (*rest - '0') * unit;
    }
    return ::timegm(&time) * kSecond + fraction;
}

/// As a frame, so that the data path's own parser makes its key.
template <class Headers>
std::optional<fst_packet> parsed(const net::HeaderFields& fields, std::uint16_t type) {
    std::array<std::uint8_t, 14 + sizeof(Headers)> frame{};
    frame[12] = static_cast<std::uint8_t>(type >> 8U);
    frame[13] = static_cast<std::uint8_t>(type);
    const Headers headers(fields);
    std::memcpy(frame.data() + 14, &headers, sizeof(headers));
    return parse_frame(frame, 0, Nanoseconds::zero());
}

std::optional<fst_packet> packet_of(const Json& event) {
    const Json& its = event.at("packet");
    __be32 source[4];
    __be32 destination[4];
    if (!read_address(event.at("src_ip").get<std::string>(), source) ||
        !read_address(event.at("dest_ip").get<std::string>(), destination)) {
        return std::nullopt;
    }
    const std::string flags = its.at("tcp_flags").get<std::string>();
    std::uint8_t tcp_flags = 0;
    std::from_chars(flags.data(), flags.data() + flags.size(), tcp_flags, 16);
    const bool v4 = its.contains("ttl");
    const std::uint32_t payload = event.at("stamp").at("payload").get<std::uint32_t>();
    const net::HeaderFields fields{
        .source = source,
        .destination = destination,
        .source_port = ::htons(event.at("src_port").get<std::uint16_t>()),
        .destination_port = ::htons(event.at("dest_port").get<std::uint16_t>()),
        .seq = its.at("tcpseq").get<std::uint32_t>(),
        .ack = its.at("tcpack").get<std::uint32_t>(),
        .payload = payload,
        .flow_label = 0,
        .ip_id = v4 ? its.at("ipid").get<std::uint16_t>() : std::uint16_t{0},
        .window = its.at("tcpwin").get<std::uint16_t>(),
        .protocol = IPPROTO_TCP,
        .traffic_class = 0,
        .ttl = its.at(v4 ? "ttl" : "hoplimit").get<std::uint8_t>(),
        .tcp_flags = tcp_flags,
        .dont_fragment = v4 && its.at("df").get<bool>(),
        .more_fragments = false};
    auto packet =
        v4 ? parsed<net::Ipv4Headers>(fields, 0x0800) : parsed<net::Ipv6Headers>(fields, 0x86dd);
    if (packet) {
        packet->payload = payload;
        packet->ip_bytes = its.at("len").get<std::uint32_t>();
    }
    return packet;
}

}  // namespace

Result<std::optional<fst_packet>> packet_of_stamp(std::string_view line, std::string& interface) {
    constexpr bool kNoExceptions = false;
    const Json event = Json::parse(line, nullptr, kNoExceptions);
    if (!event.is_object()) {
        return fail({.operation = "read", .object = "", .reason = "no JSON object", .hint = ""});
    }
    try {
        if (event.at("event_type").get<std::string>() != "stamp") {
            return std::nullopt;
        }
        const auto time = read_timestamp(event.at("timestamp").get<std::string>());
        auto packet = time ? packet_of(event) : std::nullopt;
        if (!packet) {
            return std::nullopt;
        }
        packet->time_ns = static_cast<__u64>(*time);
        interface = event.at("in_iface").get<std::string>();
        return packet;
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

/// Valid until the next call.
Result<std::optional<std::string_view>> StampLines::read_line() {
    for (;;) {
        const std::size_t end = buffer_.find('\n', at_);
        if (end != std::string::npos || (has_ended_ && at_ < buffer_.size())) {
            const std::size_t length = (end == std::string::npos ? buffer_.size() : end) - at_;
            const std::string_view line = std::string_view(buffer_).substr(at_, length);
            at_ += length + 1;
            lines_++;
            return line;
        }
        if (has_ended_) {
            return std::nullopt;
        }
        buffer_.erase(0, at_);
        at_ = 0;
        if (buffer_.size() > kLineMax) {
            return fail({.operation = "read",
                         .object = title_,
                         .reason = fmt::format("line {} is too long for a stamp", lines_ + 1),
                         .hint = "name a file of `watch --stamps`"});
        }
        const std::size_t held = buffer_.size();
        buffer_.resize(held + kPiece);
        const auto got =
            source_->read({reinterpret_cast<std::uint8_t*>(buffer_.data()) + held, kPiece});
        if (!got) {
            return std::unexpected(got.error());
        }
        buffer_.resize(held + *got);
        has_ended_ = *got == 0;
    }
}

std::uint32_t StampLines::ifindex_of(const std::string& interface) {
    return interfaces_.try_emplace(interface, static_cast<std::uint32_t>(interfaces_.size() + 1))
        .first->second;
}

Result<std::optional<StampLines::Stamp>> StampLines::next() {
    for (;;) {
        const auto line = read_line();
        if (!line) {
            return std::unexpected(line.error());
        }
        if (!*line) {
            return std::nullopt;
        }
        if ((*line)->empty()) {
            continue;
        }
        std::string interface;
        auto packet = packet_of_stamp(**line, interface);
        if (!packet) {
            return fail({.operation = "read",
                         .object = title_,
                         .reason = fmt::format("line {} is no JSON object", lines_),
                         .hint = "only the part before it was compared"});
        }
        if (*packet) {
            (*packet)->key.ifindex = ifindex_of(interface);
            return Stamp{lines_, **packet};
        }
    }
}

}  // namespace flowstamp::cmd
