// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// pcapng (draft-ietf-opsawg-pcapng): blocks that begin and end with their length. Each section has
// its own byte order and interfaces; each interface has its own link type and time resolution.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "user/net/capture/capture_reader.h"

namespace flowstamp::net {

namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kPacket = 2;  // obsolete, but still in use
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kInterfaceStatistics = 5;
constexpr std::uint32_t kEnhancedPacket = 6;

constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint32_t kOverhead = 12;  // type and length before a block's body, length after it
constexpr std::uint32_t kBlockBytesMax = kFrameBytesMax + (1U << 20);
constexpr std::size_t kOptionsMax = std::size_t{64} << 10;
constexpr std::size_t kNameMax = 255;
constexpr std::size_t kInterfacesMax = 65536;

constexpr std::uint16_t kOptionName = 2;
constexpr std::uint16_t kOptionDescription = 3;
constexpr std::uint16_t kOptionTimeResolution = 9;
constexpr std::uint16_t kOptionFilter = 11;
constexpr std::uint16_t kOptionTimeOffset = 14;
constexpr std::uint16_t kStatisticDroppedByInterface = 5;
constexpr std::uint16_t kStatisticDroppedBySystem = 7;

struct Interface {
    std::uint32_t link_type = 0;
    std::uint32_t snap = 0;  ///< 0: frames are whole
    std::uint64_t units_per_second = 1'000'000;
    std::int64_t seconds = 0;  ///< offset added to its packets' times
    std::string name{};
    std::string description{};
    std::uint32_t link = 0;  ///< index of the first interface that stands for the same link
    std::optional<std::uint64_t> dropped{};  ///< by its latest statistics
    bool is_filtered = false;                ///< what was captured was chosen

    /// `watch --stamps` writes an interface for each direction of a link.
    [[nodiscard]] bool is_one_direction() const {
        return description.ends_with(" ingress") || description.ends_with(" egress");
    }
};

/// Units per second; 0 if 64 bits cannot hold them.
std::uint64_t resolution(std::uint8_t value) {
    const unsigned exponent = value & 0x7fU;
    if (value & 0x80U) {
        return exponent < 64 ? std::uint64_t{1} << exponent : 0;
    }
    std::uint64_t units = exponent < 20 ? 1 : 0;
    for (unsigned i = 0; i < exponent && units != 0; i++) {
        units *= 10;
    }
    return units;
}

std::uint64_t u64(const ByteOrder& order, std::span<const std::uint8_t> value) {
    const std::uint64_t first = order.u32(value.data()), second = order.u32(&value[4]);
    return order.big ? first << 32 | second : second << 32 | first;
}

void read_option(Interface& interface, const ByteOrder& order, std::uint16_t code,
                 std::span<const std::uint8_t> value) {
    if (code == kOptionName || code == kOptionDescription) {
        const std::size_t length = std::min(value.size(), kNameMax);
        std::string& text = code == kOptionName ? interface.name : interface.description;
        text.assign(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(length));
    } else if (code == kOptionFilter) {
        interface.is_filtered = true;
    } else if (code == kOptionTimeResolution && value.size() == 1) {
        interface.units_per_second = resolution(value[0]);
    } else if (code == kOptionTimeOffset && value.size() == 8) {
        interface.seconds = static_cast<std::int64_t>(u64(order, value));
    }
}

/// Calls `take` with each option's code and value.
template <class Take>
void read_options(const ByteOrder& order, std::span<const std::uint8_t> options, const Take& take) {
    constexpr std::size_t kHead = 4;
    while (options.size() >= kHead) {
        const std::uint16_t code = order.u16(options.data());
        const std::size_t length = order.u16(&options[2]);
        options = options.subspan(kHead);
        if (code == 0 || length > options.size()) {
            return;
        }
        take(code, options.first(length));
        options = options.subspan(std::min(options.size(), (length + 3) / 4 * 4));
    }
}

class PcapngReader final : public CaptureReader {
  public:
    PcapngReader(ByteReader reader, const std::string& title)
        : CaptureReader(std::move(reader), title) {}

    /// Reads the rest of the first section header, after its type.
    [[nodiscard]] Status begin() {
        block_ = {.offset = 0, .type = kSectionHeader, .length = 0, .left = 0};
        if (const Status read = read_section(); !read) {
            return read;
        }
        return end_block();
    }

    Result<std::optional<CapturedFrame>> next() override {
        for (;;) {
            const auto begun = begin_block();
            if (!begun) {
                return std::unexpected(begun.error());
            }
            if (!*begun) {
                return std::nullopt;
            }
            auto frame = read_body();
            if (!frame) {
                return frame;
            }
            if (const Status ended = end_block(); !ended) {
                return std::unexpected(ended.error());
            }
            if (*frame) {
                return frame;
            }
        }
    }

    std::string interface_name(std::uint32_t interface) const override {
        return interface < interfaces_.size() ? interfaces_[interface].name : "";
    }

    /// Of this section; unless each of its interfaces says so, it is not known. What a filter left
    /// out was not lost, but nor is such a capture whole.
    std::optional<std::uint64_t> dropped() const override {
        std::uint64_t sum = 0;
        bool is_filtered = false;
        for (const Interface& interface : interfaces_) {
            if (!interface.dropped) {
                return std::nullopt;
            }
            sum += *interface.dropped;
            is_filtered = is_filtered || interface.is_filtered;
        }
        return interfaces_.empty() || (is_filtered && sum == 0) ? std::nullopt : std::optional(sum);
    }

  private:
    struct Block {
        std::uint64_t offset;
        std::uint32_t type;
        std::uint32_t length;
        std::uint32_t left;  ///< bytes of its body not yet read
    };

    /// Fills `to` from the file; does not count it against the block's body.
    [[nodiscard]] Status read_body(std::span<std::uint8_t> to) {
        const auto got = reader_.read(to);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got < to.size()) {
            return cut_short(block_.offset);
        }
        return {};
    }

    /// Fills `to` from the block's body.
    [[nodiscard]] Status take_body(std::span<std::uint8_t> to) {
        if (to.size() > block_.left) {
            return damaged(block_.offset,
                           fmt::format("a block of type {} and {} bytes is too short", block_.type,
                                       block_.length));
        }
        block_.left -= static_cast<std::uint32_t>(to.size());
        return read_body(to);
    }

    [[nodiscard]] Status set_length(std::uint32_t length, std::uint32_t already_read) {
        if (length < kOverhead + already_read || length % 4 != 0 || length > kBlockBytesMax) {
            return damaged(block_.offset, fmt::format("a block of {} bytes cannot be", length));
        }
        block_.length = length;
        block_.left = length - kOverhead - already_read;
        return {};
    }

    /// Reads a block's type and length. False at the end of the file.
    [[nodiscard]] Result<bool> begin_block() {
        block_ = {.offset = reader_.offset(), .type = 0, .length = 0, .left = 0};
        std::array<std::uint8_t, 4> word{};
        const auto got = reader_.read(word);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got < word.size()) {
            return *got == 0 ? Result<bool>(false) : cut_short(block_.offset);
        }
        block_.type = order_.u32(word.data());
        if (block_.type == kSectionHeader) {  // the same in both byte orders
            const Status read = read_section();
            return read ? Result<bool>(true) : std::unexpected(read.error());
        }
        if (const Status read = read_body(word); !read) {
            return std::unexpected(read.error());
        }
        const Status set = set_length(order_.u32(word.data()), 0);
        return set ? Result<bool>(true) : std::unexpected(set.error());
    }

    /// Skips the rest of the block, and compares its trailing length with the leading one.
    [[nodiscard]] Status end_block() {
        const auto skipped = reader_.skip(block_.left);
        if (!skipped) {
            return std::unexpected(skipped.error());
        }
        if (*skipped < block_.left) {
            return cut_short(block_.offset);
        }
        std::array<std::uint8_t, 4> word{};
        if (const Status read = read_body(word); !read) {
            return read;
        }
        if (order_.u32(word.data()) != block_.length) {
            return damaged(block_.offset, "a block's two lengths differ");
        }
        return {};
    }

    [[nodiscard]] Result<std::optional<CapturedFrame>> read_body() {
        switch (block_.type) {
            case kInterfaceDescription:
                if (const Status read = read_interface(); !read) {
                    return std::unexpected(read.error());
                }
                return std::nullopt;
            case kInterfaceStatistics:
                if (const Status read = read_statistics(); !read) {
                    return std::unexpected(read.error());
                }
                return std::nullopt;
            case kEnhancedPacket:
            case kPacket:
                return read_packet();
            case kSimplePacket:
                return read_simple_packet();
            default:
                return std::nullopt;
        }
    }

    /// The byte-order magic follows the block's length.
    [[nodiscard]] Status read_section() {
        std::array<std::uint8_t, 12> head{};  // length, byte order, version
        if (const Status read = read_body(head); !read) {
            return read;
        }
        for (const bool big : {false, true}) {
            const ByteOrder order{big};
            if (order.u32(&head[4]) != kByteOrderMagic) {
                continue;
            }
            if (order.u16(&head[8]) != 1) {
                return damaged(block_.offset, fmt::format("version {} of pcapng is not known",
                                                          order.u16(&head[8])));
            }
            order_ = order;
            interfaces_.clear();
            return set_length(order.u32(head.data()), 8);
        }
        return damaged(block_.offset, "a section without byte order");
    }

    [[nodiscard]] Status read_interface() {
        std::array<std::uint8_t, 8> head{};
        if (const Status read = take_body(head); !read) {
            return read;
        }
        if (interfaces_.size() == kInterfacesMax) {
            return damaged(block_.offset, fmt::format("more than {} interfaces", kInterfacesMax));
        }
        Interface interface;
        interface.link_type = order_.u16(head.data());
        interface.snap = order_.u32(&head[4]);
        options_.resize(std::min<std::size_t>(block_.left, kOptionsMax));
        if (const Status read = take_body(options_); !read) {
            return read;
        }
        read_options(order_, options_,
                     [&](std::uint16_t code, std::span<const std::uint8_t> value) {
                         read_option(interface, order_, code, value);
                     });
        if (interface.units_per_second == 0) {
            return damaged(block_.offset, "an unknown unit of time");
        }
        interface.link = link_of(interface);
        interfaces_.push_back(std::move(interface));
        return {};
    }

    /// Counts since the beginning: the latest ones count. What says nothing of losses says nothing.
    [[nodiscard]] Status read_statistics() {
        std::array<std::uint8_t, 12> head{};  // interface, time
        if (block_.left < head.size()) {
            return {};
        }
        if (const Status read = take_body(head); !read) {
            return read;
        }
        const std::uint32_t interface = order_.u32(head.data());
        options_.resize(std::min<std::size_t>(block_.left, kOptionsMax));
        if (const Status read = take_body(options_); !read) {
            return read;
        }
        std::optional<std::uint64_t> dropped;
        read_options(
            order_, options_, [&](std::uint16_t code, std::span<const std::uint8_t> value) {
                if ((code == kStatisticDroppedByInterface || code == kStatisticDroppedBySystem) &&
                    value.size() == 8) {
                    dropped = dropped.value_or(0) + u64(order_, value);
                }
            });
        if (interface < interfaces_.size() && dropped) {
            interfaces_[interface].dropped = dropped;
        }
        return {};
    }

    /// Both directions of a link are one place: else each would be half a view of every flow.
    [[nodiscard]] std::uint32_t link_of(const Interface& interface) const {
        const auto is_other_direction = [&](const Interface& other) {
            return other.is_one_direction() && other.name == interface.name;
        };
        const auto other = interface.is_one_direction() && !interface.name.empty()
                               ? std::ranges::find_if(interfaces_, is_other_direction)
                               : interfaces_.end();
        return other != interfaces_.end() ? other->link
                                          : static_cast<std::uint32_t>(interfaces_.size());
    }

    /// Enhanced Packet Block and the obsolete Packet Block: both headers are 20 bytes.
    [[nodiscard]] Result<std::optional<CapturedFrame>> read_packet() {
        std::array<std::uint8_t, 20> head{};
        if (const Status read = take_body(head); !read) {
            return std::unexpected(read.error());
        }
        const std::uint32_t interface =
            block_.type == kEnhancedPacket ? order_.u32(head.data()) : order_.u16(head.data());
        const std::uint64_t units =
            std::uint64_t{order_.u32(&head[4])} << 32 | order_.u32(&head[8]);
        return frame(interface, order_.u32(&head[12]), order_.u32(&head[16]), units);
    }

    /// Simple Packet Block: no time; its captured length is limited by the first interface's snap
    /// length.
    [[nodiscard]] Result<std::optional<CapturedFrame>> read_simple_packet() {
        std::array<std::uint8_t, 4> head{};
        if (const Status read = take_body(head); !read) {
            return std::unexpected(read.error());
        }
        const std::uint32_t original = order_.u32(head.data());
        std::uint32_t captured = std::min(original, block_.left);
        if (!interfaces_.empty() && interfaces_[0].snap != 0) {
            captured = std::min(captured, interfaces_[0].snap);
        }
        return frame(0, captured, original, std::nullopt);
    }

    [[nodiscard]] Result<std::optional<CapturedFrame>> frame(std::uint32_t interface,
                                                             std::uint32_t captured,
                                                             std::uint32_t original,
                                                             std::optional<std::uint64_t> units) {
        if (interface >= interfaces_.size()) {
            return damaged(
                block_.offset,
                fmt::format("a frame of interface {}, which is not described", interface));
        }
        if (captured > block_.left || captured > kFrameBytesMax) {
            return damaged(block_.offset, fmt::format("a frame of {} bytes in a block of {}",
                                                      captured, block_.length));
        }
        const auto bytes = read_frame(captured, block_.offset);
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        block_.left -= captured;
        const Interface& its = interfaces_[interface];
        if (units) {
            wall_ = capture_time(*units, its.units_per_second, its.seconds);
        }
        return CapturedFrame{.number = ++number_,
                             .wall = wall_,
                             .interface = its.link,
                             .link_type = its.link_type,
                             .original = original,
                             .bytes = *bytes};
    }

    ByteOrder order_{};
    Block block_{};
    std::vector<Interface> interfaces_;  ///< of this section
    std::vector<std::uint8_t> options_;
    Nanoseconds wall_{0};  ///< time of the last frame that had one
};

}  // namespace

Result<std::unique_ptr<CaptureReader>> open_pcapng(ByteReader reader, const std::string& title) {
    auto opened = std::make_unique<PcapngReader>(std::move(reader), title);
    if (const Status begun = opened->begin(); !begun) {
        return std::unexpected(begun.error());
    }
    return opened;
}

}  // namespace flowstamp::net
