// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::net {

/// A stream of bytes, read once from start to end.
class ByteSource {
  public:
    virtual ~ByteSource() = default;
    /// Reads at least one byte, at most `to.size()`; 0 at the end.
    [[nodiscard]] virtual Result<std::size_t> read(std::span<std::uint8_t> to) = 0;
    /// Fraction read so far, 0 to 1; nothing if the length is unknown.
    [[nodiscard]] virtual std::optional<double> progress() const { return std::nullopt; }
};

/// A file, gzip-compressed or not; "-" is standard input. Fails if it cannot be opened. Data from a
/// pipe is passed on as it arrives, and ends when the descriptor `stop` becomes readable (-1:
/// never).
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_file(const std::string& path, int stop = -1);

/// The file's name in messages: "-" is "standard input".
[[nodiscard]] std::string file_title(const std::string& path);

/// Bytes already in memory.
class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
    [[nodiscard]] Result<std::size_t> read(std::span<std::uint8_t> to) override;

  private:
    std::vector<std::uint8_t> bytes_;
    std::size_t next_ = 0;
};

/// Reads a source in the pieces that a file format needs, and tracks the offset. Uses one
/// buffer of fixed size.
class ByteReader {
  public:
    explicit ByteReader(std::unique_ptr<ByteSource> source);

    /// Fills `to`; returns how many bytes, fewer only at the end of the source.
    [[nodiscard]] Result<std::size_t> read(std::span<std::uint8_t> to);
    /// Skips `count` bytes; returns how many, fewer only at the end of the source.
    [[nodiscard]] Result<std::uint64_t> skip(std::uint64_t count);

    /// Bytes read and skipped so far, uncompressed.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] std::optional<double> progress() const { return source_->progress(); }

  private:
    [[nodiscard]] Result<std::size_t> available();

    std::unique_ptr<ByteSource> source_;
    std::vector<std::uint8_t> buffer_;
    std::size_t next_ = 0;
    std::size_t end_ = 0;
    std::uint64_t offset_ = 0;
};

}  // namespace flowstamp::net
