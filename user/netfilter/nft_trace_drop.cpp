// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_trace_drop.h"

#include <charconv>
#include <sstream>
#include <utility>

#include "user/netfilter/condition_values.h"
#include "user/netfilter/quoted_lines.h"

namespace flowstamp::netfilter {
namespace {

/// Packets whose end is not reported are forgotten beyond this.
constexpr std::size_t kPackets = 4096;

std::optional<std::uint16_t> port_in(const std::string& text) {
    const auto number = number_in(text);
    return number && *number <= 0xffff ? std::optional(static_cast<std::uint16_t>(*number))
                                       : std::nullopt;
}

/// The rest of a line behind "packet: ", as words: "ip saddr 192.0.2.1 ip protocol udp udp dport 9 ...".
/// Of quoted names only interfaces come before the addresses.
TracedPacket packet_in(std::istringstream& words) {
    TracedPacket packet;
    std::string before, word;
    while (words >> word) {
        std::string value;
        const bool is_ip = before == "ip" || before == "ip6";
        if (is_ip && word == "saddr" && words >> value) {
            packet.source = address_value(value);
        } else if (is_ip && word == "daddr" && words >> value) {
            packet.destination = address_value(value);
        } else if (is_ip && (word == "protocol" || word == "nexthdr") && words >> value) {
            packet.protocol = protocol_number(value);
        } else if (word == "sport" && !packet.source_port && words >> value) {
            packet.source_port = port_in(value);
        } else if (word == "dport" && !packet.destination_port && words >> value) {
            packet.destination_port = port_in(value);
        }
        before = word;
    }
    return packet;
}

/// The number behind the last "# handle " of "... # handle 3 (verdict drop)".
std::optional<std::uint64_t> dropping_handle(std::string_view line) {
    constexpr std::string_view verdict = " (verdict drop)";
    constexpr std::string_view mark = "# handle ";
    if (!line.ends_with(verdict)) {
        return std::nullopt;
    }
    line.remove_suffix(verdict.size());
    const std::size_t at = line.rfind(mark);
    return at == std::string_view::npos ? std::nullopt : number_in(line.substr(at + mark.size()));
}

}  // namespace

bool TracedPacket::may_be(const PacketHeaders& packet) const {
    const auto agree = [](const auto& shown, const auto& known) {
        return !shown || shown == known;
    };
    return agree(protocol, std::optional(packet.protocol)) &&
           agree(source, std::optional(packet.source)) &&
           agree(destination, std::optional(packet.destination)) &&
           (!packet.source_port || agree(source_port, packet.source_port)) &&
           (!packet.destination_port || agree(destination_port, packet.destination_port));
}

std::optional<NftTraceDrop> NftTraceReader::read(std::string_view line) {
    while (line.ends_with(' ')) {
        line.remove_suffix(1);
    }
    std::istringstream words{std::string(line)};
    std::string trace, id_word, id, family, what;
    NftTraceDrop drop;
    words >> trace >> id_word >> id >> family >> drop.table >> drop.chain >> what;
    const auto known = family_named(family);
    if (trace != "trace" || id_word != "id" || !known) {
        return std::nullopt;
    }
    if (what == "packet:") {
        if (packets_.size() >= kPackets) {
            packets_.clear();
        }
        packets_[id] = packet_in(words);
        return std::nullopt;
    }
    drop.family = *known;
    if (what == "rule") {
        drop.handle = dropping_handle(line);
        if (!drop.handle) {
            return std::nullopt;
        }
    } else if (what != "policy" || !line.ends_with(" policy drop")) {
        return std::nullopt;
    }
    if (const auto packet = packets_.find(id); packet != packets_.end()) {
        drop.packet = packet->second;
        packets_.erase(packet);
    }
    return drop;
}

std::vector<NftTraceDrop> NftTraceReader::take(std::string& text) {
    std::vector<NftTraceDrop> drops;
    const QuotedLines all = quoted_lines(text, Backslash::is_ordinary);
    for (const std::string_view line : all.lines) {
        if (auto drop = read(line)) {
            drops.push_back(std::move(*drop));
        }
    }
    // A quote that nft has left open hides what follows, until another one; but not all memory.
    constexpr std::size_t kLongest = 64UL << 10;
    text = all.rest.size() > kLongest ? std::string() : std::string(all.rest);
    return drops;
}

}  // namespace flowstamp::netfilter
