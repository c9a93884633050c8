// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Capture files for tests, valid or not, in either byte order:
//
//     Bytes file = PcapFile({.nanoseconds = true}).frame(1s, packet.bytes()).bytes();
//     Bytes file = PcapngFile()
//                      .section()
//                      .interface({.link_type = 113, .name = "any"})
//                      .enhanced(0, 1'000'000, frame)
//                      .bytes();
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tests/support/checksum.h"

namespace flowstamp::testing {

/// Appends numbers in the selected byte order.
class FieldWriter {
  public:
    explicit FieldWriter(bool big = false) : big_(big) {}
    void set_order(bool big) { big_ = big; }

    FieldWriter& number(std::uint64_t value, std::size_t bytes);
    FieldWriter& u16(std::uint64_t value) { return number(value, 2); }
    FieldWriter& u32(std::uint64_t value) { return number(value, 4); }
    FieldWriter& raw(std::span<const std::uint8_t> data);
    FieldWriter& pad();  ///< to a multiple of 4 bytes

    [[nodiscard]] bool big() const { return big_; }
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

  private:
    bool big_;
    Bytes bytes_;
};

class PcapFile {
  public:
    struct Options {
        bool big = false;
        bool nanoseconds = false;
        std::uint32_t link_type = 1;
    };
    PcapFile() : PcapFile(Options{}) {}
    explicit PcapFile(const Options& options);

    /// `original`: bytes on the wire; unset: the size of `frame`.
    PcapFile& frame(std::chrono::nanoseconds time, std::span<const std::uint8_t> frame,
                    std::optional<std::uint32_t> original = std::nullopt);
    [[nodiscard]] const Bytes& bytes() const { return writer_.bytes(); }

  private:
    Options options_;
    FieldWriter writer_;
};

class PcapngFile {
  public:
    struct Interface {
        std::uint16_t link_type = 1;
        std::uint32_t snap = 0;
        std::string name{};
        std::optional<std::uint8_t> resolution{};  ///< if_tsresol
        std::optional<std::int64_t> offset{};      ///< if_tsoffset, s
    };

    PcapngFile& section(bool big = false);
    PcapngFile& interface() { return interface(Interface{}); }
    PcapngFile& interface(const Interface& interface);
    PcapngFile& enhanced(std::uint32_t interface, std::uint64_t units,
                         std::span<const std::uint8_t> frame,
                         std::optional<std::uint32_t> original = std::nullopt);
    /// The obsolete packet block.
    PcapngFile& old(std::uint16_t interface, std::uint64_t units,
                    std::span<const std::uint8_t> frame);
    PcapngFile& simple(std::span<const std::uint8_t> frame,
                       std::optional<std::uint32_t> original = std::nullopt);
    /// `length`: the length given in the block, if not the correct one.
    PcapngFile& block(std::uint32_t type, std::span<const std::uint8_t> body,
                      std::optional<std::uint32_t> length = std::nullopt);
    [[nodiscard]] const Bytes& bytes() const { return writer_.bytes(); }

  private:
    FieldWriter writer_;
};

/// Compresses in gzip format.
[[nodiscard]] Bytes gzipped(std::span<const std::uint8_t> bytes);

}  // namespace flowstamp::testing
