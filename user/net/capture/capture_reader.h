// SPDX-License-Identifier: Apache-2.0
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

/// Bytes of a frame that are kept: what the data path reads, behind the longest link header.
inline constexpr std::size_t kFrameBytesKept = 320;
/// The longest frame that is believed; a length beyond it is damage.
inline constexpr std::uint32_t kFrameBytesMax = 16U << 20;

/// A frame as a capture holds it.
struct CapturedFrame {
    std::uint64_t number = 0;               ///< in its file, from 1
    Nanoseconds wall{0};                    ///< since 1970; never negative
    std::uint32_t interface = 0;            ///< of a pcapng section, from 0; of pcap: 0
    std::uint32_t link_type = 0;            ///< LINKTYPE_*
    std::uint32_t original = 0;             ///< bytes on the wire
    std::span<const std::uint8_t> bytes{};  ///< at most kFrameBytesKept; gone at the next call
};

/// Reads the frames of a pcap or pcapng file one after another, in memory that does not grow with
/// the file.
class CaptureReader {
  public:
    /// Tells the format by the file's first bytes. `title` names the file in messages. Fails where
    /// it is no capture.
    [[nodiscard]] static Result<std::unique_ptr<CaptureReader>> open(
        std::unique_ptr<ByteSource> source, const std::string& title);

    virtual ~CaptureReader() = default;

    /// The next frame; nothing at the end. An Error says what is damaged, and where; what came
    /// before it is good, and nothing comes after.
    [[nodiscard]] virtual Result<std::optional<CapturedFrame>> next() = 0;

    /// An interface's name, if the capture tells it; else empty.
    [[nodiscard]] virtual std::string interface_name(std::uint32_t interface) const = 0;

    /// How much of the file is read, 0 to 1; nothing where that is not known.
    [[nodiscard]] std::optional<double> progress() const { return reader_.progress(); }

  protected:
    CaptureReader(ByteReader reader, std::string title)
        : reader_(std::move(reader)), title_(std::move(title)) {}

    /// "x.pcap: read: frame 7 at byte 4711: REASON; ...".
    [[nodiscard]] std::unexpected<Error> damaged(std::uint64_t offset,
                                                 const std::string& reason) const;
    /// The file ends in the middle of what began at `offset`.
    [[nodiscard]] std::unexpected<Error> cut_short(std::uint64_t offset) const;
    /// Reads `length` bytes of frame, keeps the first of them and passes over the rest.
    [[nodiscard]] Result<std::span<const std::uint8_t>> read_frame(std::uint32_t length,
                                                                   std::uint64_t offset);

    ByteReader reader_;
    std::string title_;
    std::uint64_t number_ = 0;  ///< of the frame read last

  private:
    std::array<std::uint8_t, kFrameBytesKept> frame_{};
};

/// Reads numbers of either byte order.
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

/// Units of time since 1970 as nanoseconds, moved by whole `seconds`; held between 1970 and 2116,
/// where the data path's clock can follow.
[[nodiscard]] Nanoseconds capture_time(std::uint64_t units, std::uint64_t units_per_second,
                                       std::int64_t seconds);

/// The two formats. `magic`: the first four bytes, which are read already.
[[nodiscard]] Result<std::unique_ptr<CaptureReader>> open_pcap(
    ByteReader reader, const std::string& title, std::span<const std::uint8_t, 4> magic);
[[nodiscard]] Result<std::unique_ptr<CaptureReader>> open_pcapng(ByteReader reader,
                                                                 const std::string& title);
[[nodiscard]] bool is_pcap(std::span<const std::uint8_t, 4> magic);

}  // namespace flowstamp::net
