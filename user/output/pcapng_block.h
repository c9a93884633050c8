// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in host byte order, which the section header
// shows. libpcap cannot write pcapng.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace flowstamp::output {

enum class PcapngBlockType : std::uint32_t {
    interface = 1,
    packet = 6,  ///< Enhanced Packet Block
    section = 0x0a0d0d0a,
};

enum class PcapngOption : std::uint16_t {
    end = 0,
    comment = 1,
    // Of a section.
    application = 4,
    // Of an interface.
    interface_name = 2,
    interface_description = 3,
    time_resolution = 9,
    // Of a packet.
    packet_flags = 2,
    packet_id = 5,
    packet_verdict = 7,
};

/// One block, appended to a string.
class PcapngBlock {
  public:
    PcapngBlock(std::string& to, PcapngBlockType type) : to_(to), start_(to.size()) {
        number(static_cast<std::uint32_t>(type));
        number(std::uint32_t{0});
    }

    template <class T>
    void number(T value) {
        to_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    /// Padded to a multiple of four bytes.
    void bytes(std::string_view data) {
        to_.append(data);
        to_.append((4 - data.size() % 4) % 4, '\0');
    }
    /// What is longer than an option can be is cut.
    void option(PcapngOption code, std::string_view value) {
        value = value.substr(0, 0xffff);
        number(static_cast<std::uint16_t>(code));
        number(static_cast<std::uint16_t>(value.size()));
        bytes(value);
    }
    template <class T>
    void number_option(PcapngOption code, T value) {
        option(code, {reinterpret_cast<const char*>(&value), sizeof(value)});
    }
    /// Ends its options, if it has any, and sets both of its lengths.
    void end(bool has_options = true) {
        if (has_options) {
            number(std::uint32_t{0});
        }
        const auto size = static_cast<std::uint32_t>(to_.size() - start_ + sizeof(std::uint32_t));
        number(size);
        std::memcpy(to_.data() + start_ + sizeof(std::uint32_t), &size, sizeof(size));
    }

  private:
    std::string& to_;
    std::size_t start_;
};

/// A section header's block, with these comments. Its length is left open.
inline void append_section(std::string& to, std::span<const std::string_view> comments) {
    constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
    constexpr std::uint16_t kMajor = 1, kMinor = 0;
    constexpr std::int64_t kLengthUnknown = -1;
    PcapngBlock block(to, PcapngBlockType::section);
    block.number(kByteOrder);
    block.number(kMajor);
    block.number(kMinor);
    block.number(kLengthUnknown);
    for (const std::string_view comment : comments) {
        block.option(PcapngOption::comment, comment);
    }
    block.option(PcapngOption::application, "flowstamp");
    block.end();
}

/// An interface's block. Times of its packets are in nanoseconds.
inline void append_interface(std::string& to, std::uint16_t link_type, std::uint32_t snap_bytes,
                             std::string_view name, std::string_view description) {
    constexpr std::uint8_t kNanoseconds = 9;
    PcapngBlock block(to, PcapngBlockType::interface);
    block.number(link_type);
    block.number(std::uint16_t{0});
    block.number(snap_bytes);
    block.option(PcapngOption::interface_name, name);
    block.option(PcapngOption::interface_description, description);
    block.number_option(PcapngOption::time_resolution, kNanoseconds);
    block.end();
}

}  // namespace flowstamp::output
