// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The classic format (draft-ietf-opsawg-pcap): a header, then a record per packet.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "user/net/capture/capture_reader.h"

namespace flowstamp::net {

namespace {

constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kLinkTypeBits = 0xffff;  // above: length of the frame check sequence
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kRecordBytes = 16;

struct Variant {
    ByteOrder order;
    std::uint64_t units_per_second;
};

std::optional<Variant> variant_of(std::span<const std::uint8_t, 4> magic) {
    for (const bool big : {false, true}) {
        const ByteOrder order{big};
        const std::uint32_t value = order.u32(magic.data());
        if (value == kMicroseconds) {
            return Variant{order, 1'000'000};
        }
        if (value == kNanoseconds) {
            return Variant{order, 1'000'000'000};
        }
    }
    return std::nullopt;
}

class PcapReader final : public CaptureReader {
  public:
    PcapReader(ByteReader reader, const std::string& title, const Variant& variant,
               std::uint32_t link_type)
        : CaptureReader(std::move(reader), title), variant_(variant), link_type_(link_type) {}

    Result<std::optional<CapturedFrame>> next() override {
        const std::uint64_t offset = reader_.offset();
        std::array<std::uint8_t, kRecordBytes> record{};
        const auto got = reader_.read(record);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            return std::nullopt;
        }
        if (*got < record.size()) {
            return cut_short(offset);
        }
        const ByteOrder& order = variant_.order;
        const std::uint32_t length = order.u32(&record[8]);
        if (length > kFrameBytesMax) {
            return damaged(offset, fmt::format("a frame of {} bytes cannot be", length));
        }
        const auto bytes = read_frame(length, offset);
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        return CapturedFrame{
            .number = ++number_,
            .wall = capture_time(order.u32(&record[4]), variant_.units_per_second,
                                 order.u32(record.data())),
            .interface = 0,
            .link_type = link_type_,
            .original = order.u32(&record[12]),
            .bytes = *bytes,
        };
    }

    std::string interface_name(std::uint32_t) const override { return ""; }

  private:
    Variant variant_;
    std::uint32_t link_type_;
};

}  // namespace

bool is_pcap(std::span<const std::uint8_t, 4> magic) {
    return variant_of(magic).has_value();
}

Result<std::unique_ptr<CaptureReader>> open_pcap(ByteReader reader, const std::string& title,
                                                 std::span<const std::uint8_t, 4> magic) {
    std::array<std::uint8_t, kHeaderBytes - 4> header{};
    const auto got = reader.read(header);
    if (!got) {
        return std::unexpected(got.error());
    }
    if (*got < header.size()) {
        return fail({.operation = "read",
                     .object = title,
                     .reason = fmt::format("the file ends in its header, at byte {}", 4 + *got),
                     .hint = "it holds no packet"});
    }
    const Variant variant = *variant_of(magic);
    return std::make_unique<PcapReader>(std::move(reader), title, variant,
                                        variant.order.u32(&header[16]) & kLinkTypeBits);
}

}  // namespace flowstamp::net
