// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// draft-ietf-opsawg-pcapng. Numbers are in host byte order, which the section header shows.
#include "user/output/stamps/stamp_pcapng.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "user/net/packet_headers.h"

namespace flowstamp::output {

namespace {

enum BlockType : std::uint32_t {
    kInterfaceBlock = 1,
    kPacketBlock = 6,
    kSectionBlock = 0x0a0d0d0a,
};

enum OptionCode : std::uint16_t {
    kEndOfOptions = 0,
    kComment = 1,
    kInterfaceName = 2,
    kInterfaceDescription = 3,
    kApplication = 4,
    kTimeResolution = 9,
};

constexpr std::uint16_t kRawIp = 101;  // LINKTYPE_RAW
constexpr std::uint8_t kNanoseconds = 9;
constexpr std::size_t kRareBlockBytes = 4096;  // limit for section and interface blocks

constexpr std::string_view kWhatItIs =
    "Rebuilt from the stamps that flowstamp took of every TCP packet: IP and TCP headers without "
    "options, extension headers and checksums. The IP length is that of these headers and the real "
    "payload; the original length is the packet's. A packet that the kernel handled as one for "
    "several (GSO, GRO) is one here, too.";

/// An Enhanced Packet Block without options.
template <class Headers>
struct PacketBlock {
    std::uint32_t type = kPacketBlock;
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

/// Writes a rare block into the file's buffer.
class Block {
  public:
    Block(StampFile& file, BlockType type)
        : file_(file), start_(file.room(kRareBlockBytes).data()), at_(start_) {
        number(std::uint32_t{type});
        number(std::uint32_t{0});
    }

    template <class T>
    void number(T value) {
        std::memcpy(at_, &value, sizeof(value));
        at_ += sizeof(value);
    }
    /// Padded to a multiple of four bytes.
    template <class T>
    void bytes(std::span<const T> data) {
        std::memcpy(at_, data.data(), data.size_bytes());
        at_ += data.size_bytes();
        while ((at_ - start_) % 4 != 0) {
            *at_++ = 0;
        }
    }
    void option(OptionCode code, std::string_view text) {
        number(std::uint16_t{code});
        number(static_cast<std::uint16_t>(text.size()));
        bytes(std::span(text));
    }
    void end_of_options() { number(std::uint32_t{kEndOfOptions}); }
    void end() {
        const auto size = static_cast<std::uint32_t>(at_ - start_ + sizeof(std::uint32_t));
        number(size);
        std::memcpy(start_ + sizeof(std::uint32_t), &size, sizeof(size));
        file_.append(size);
    }

  private:
    StampFile& file_;
    char* start_;
    char* at_;
};

}  // namespace

StampPcapng::StampPcapng(StampFile& file, std::vector<StampPlace> places, const WallTime& wall)
    : StampWriter(file, std::move(places), wall) {
    write_section();
    for (const StampPlace& place : places_) {
        write_interface(place);
    }
}

void StampPcapng::write_section() {
    constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
    constexpr std::uint16_t kMajor = 1, kMinor = 0;
    constexpr std::int64_t kLengthUnknown = -1;
    Block block(file_, kSectionBlock);
    block.number(kByteOrder);
    block.number(kMajor);
    block.number(kMinor);
    block.number(kLengthUnknown);
    block.option(kComment, kWhatItIs);
    block.option(kApplication, "flowstamp");
    block.end_of_options();
    block.end();
}

void StampPcapng::write_interface(const StampPlace& place) {
    Block block(file_, kInterfaceBlock);
    block.number(kRawIp);
    block.number(std::uint16_t{0});
    block.number(static_cast<std::uint32_t>(sizeof(net::Ipv6Headers)));
    block.option(kInterfaceName, place.interface);
    block.option(kInterfaceDescription,
                 fmt::format("{} {}", place.method, place.is_egress() ? "egress" : "ingress"));
    block.option(kTimeResolution, std::string(1, static_cast<char>(kNanoseconds)));
    block.end_of_options();
    block.end();
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
