// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/net/capture/byte_source.h"

namespace flowstamp::net {

/// Bytes kept of a frame: what the data path reads, after the longest link header.
inline constexpr std::size_t kFrameBytesKept = 320;
/// Longest frame accepted; a greater length means a damaged file.
inline constexpr std::uint32_t kFrameBytesMax = 16U << 20;

/// A frame of a capture.
struct CapturedFrame {
    std::uint64_t number = 0;     ///< in its file, from 1 (pcap_cnt)
    Nanoseconds wall{0};          ///< time since 1970; never negative
    std::uint32_t interface = 0;  ///< index in its pcapng section, from 0; of a stamps file, of the
                                  ///< link's first one; pcap: always 0
    std::uint32_t link_type = 0;  ///< LINKTYPE_*
    std::uint32_t original = 0;   ///< length on the wire, bytes
    std::span<const std::uint8_t> bytes{};  ///< at most kFrameBytesKept; valid until the next call
};

/// Reads the frames of a pcap or pcapng file in order, in constant memory.
class CaptureReader {
  public:
    /// Detects the format from the first bytes. `title` names the file in messages. Fails if the
    /// file is not a capture.
    [[nodiscard]] static Result<std::unique_ptr<CaptureReader>> open(
        std::unique_ptr<ByteSource> source, const std::string& title);

    virtual ~CaptureReader() = default;

    /// The next frame; nothing at the end. On an Error (what is damaged, and where) the frames
    /// before it are valid, and none follow.
    [[nodiscard]] virtual Result<std::optional<CapturedFrame>> next() = 0;

    /// The interface's name if the capture has one; else empty.
    [[nodiscard]] virtual std::string interface_name(std::uint32_t interface) const = 0;

    /// Packets that whoever captured lost, as the capture says itself, of what was read so far;
    /// nothing if it does not say.
    [[nodiscard]] virtual std::optional<std::uint64_t> dropped() const { return std::nullopt; }

    /// Fraction read so far, 0 to 1; nothing if that is unknown.
    [[nodiscard]] std::optional<double> progress() const { return reader_.progress(); }

  protected:
    CaptureReader(ByteReader reader, std::string title)
        : reader_(std::move(reader)), title_(std::move(title)) {}

    /// "x.pcap: read: REASON (after frame 7, at byte 4711); ...".
    [[nodiscard]] std::unexpected<Error> damaged(std::uint64_t offset,
                                                 const std::string& reason) const;
    /// The file ends within the structure that began at `offset`.
    [[nodiscard]] std::unexpected<Error> cut_short(std::uint64_t offset) const;
    /// Reads a frame of `length` bytes, keeps the first of them and skips the rest.
    [[nodiscard]] Result<std::span<const std::uint8_t>> read_frame(std::uint32_t length,
                                                                   std::uint64_t offset);

    ByteReader reader_;
    std::string title_;
    std::uint64_t number_ = 0;  ///< of the last frame read

  private:
    std::array<std::uint8_t, kFrameBytesKept> frame_{};
};

/// Reads integers of either byte order.
struct ByteOrder {
    bool big = false;

    [[nodiscard]] std::uint16_t u16(const std::uint8_t* at) const {
        return static_cast<std::uint16_t>(big ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
    }
    [[nodiscard]] std::uint32_t u32(const std::uint8_t* at) const {
        const std::uint32_t first = u16(at), second = u16(at + 2);
        return big ? first << 16 | second : second << 16 | first;
    }
};

/// Converts a time in units since 1970, shifted by `seconds`, to nanoseconds; clamped to
/// 1970..2116, the range of the data path's clock.
[[nodiscard]] Nanoseconds capture_time(std::uint64_t units, std::uint64_t units_per_second,
                                       std::int64_t seconds);

/// The two formats. `magic`: the first four bytes, already read.
[[nodiscard]] Result<std::unique_ptr<CaptureReader>> open_pcap(
    ByteReader reader, const std::string& title, std::span<const std::uint8_t, 4> magic);
[[nodiscard]] Result<std::unique_ptr<CaptureReader>> open_pcapng(ByteReader reader,
                                                                 const std::string& title);
[[nodiscard]] bool is_pcap(std::span<const std::uint8_t, 4> magic);

}  // namespace flowstamp::net
