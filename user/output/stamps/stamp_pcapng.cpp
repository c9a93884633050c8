// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_pcapng.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "user/net/packet_headers.h"
#include "user/output/pcapng_block.h"

namespace flowstamp::output {

namespace {

constexpr std::uint16_t kRawIp = 101;  // LINKTYPE_RAW

constexpr std::string_view kWhatItIs =
    "Rebuilt from the stamps that flowstamp took of every TCP packet: IP and TCP headers without "
    "options, extension headers and checksums. The IP length is that of these headers and the real "
    "payload; the original length is the packet's. A packet that the kernel handled as one for "
    "several (GSO, GRO) is one here, too.";

/// An Enhanced Packet Block without options.
template <class Headers>
struct PacketBlock {
    std::uint32_t type = static_cast<std::uint32_t>(PcapngBlockType::packet);
    std::uint32_t length = sizeof(PacketBlock);
    std::uint32_t interface;
    std::uint32_t time_high;
    std::uint32_t time_low;
    std::uint32_t captured = sizeof(Headers);
    std::uint32_t original;
    Headers headers;
    std::uint32_t length_again = sizeof(PacketBlock);
};
static_assert(sizeof(PacketBlock<net::Ipv4Headers>) == 72);
static_assert(sizeof(PacketBlock<net::Ipv6Headers>) == 92);

/// Of the section and the interfaces: rare.
void write_block(StampFile& file, std::string_view block) {
    std::memcpy(file.room(block.size()).data(), block.data(), block.size());
    file.append(block.size());
}

}  // namespace

StampPcapng::StampPcapng(StampFile& file, std::vector<StampPlace> places, const WallTime& wall)
    : StampWriter(file, std::move(places), wall) {
    write_section();
    for (const StampPlace& place : places_) {
        write_interface(place);
    }
}

void StampPcapng::write_section() {
    std::string block;
    append_section(block, {&kWhatItIs, 1});
    write_block(file_, block);
}

void StampPcapng::write_interface(const StampPlace& place) {
    std::string block;
    append_interface(block, kRawIp, sizeof(net::Ipv6Headers), place.interface,
                     description_of(place));
    write_block(file_, block);
}

std::uint32_t StampPcapng::interface_of(const fst_packet_stamp& stamp) const {
    const std::uint8_t hook = fst_stamp_hook(&stamp);
    std::uint32_t number = 0;
    for (const StampPlace& place : places_) {
        if (place.ifindex == stamp.ifindex && place.hook == hook) {
            return number;
        }
        number++;
    }
    return 0;
}

template <class Headers>
std::size_t StampPcapng::write_packet(char* at, const fst_packet_stamp& stamp) const {
    const auto time = static_cast<std::uint64_t>(wall_of(stamp).count());
    new (at) PacketBlock<Headers>{
        .interface = interface_of(stamp),
        .time_high = static_cast<std::uint32_t>(time >> 32),
        .time_low = static_cast<std::uint32_t>(time),
        .original = stamp.header_words * 4U + stamp.payload,
        .headers = Headers(net::header_fields(stamp)),
    };
    return sizeof(PacketBlock<Headers>);
}

void StampPcapng::write(std::span<const fst_packet_stamp> stamps) {
    constexpr std::size_t kMaxBytes = sizeof(PacketBlock<net::Ipv6Headers>);
    while (!stamps.empty()) {
        const auto some = stamps.first(std::min<std::size_t>(stamps.size(), FST_BATCH_STAMPS));
        char* const start = file_.room(some.size() * kMaxBytes).data();
        char* at = start;
        for (const fst_packet_stamp& stamp : some) {
            at += stamp.flags & FST_STAMP_IPV6 ? write_packet<net::Ipv6Headers>(at, stamp)
                                               : write_packet<net::Ipv4Headers>(at, stamp);
        }
        file_.append(static_cast<std::size_t>(at - start));
        stamps = stamps.subspan(some.size());
    }
}

}  // namespace flowstamp::output
