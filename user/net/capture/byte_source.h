// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::net {

/// Bytes from somewhere, once, from the first to the last.
class ByteSource {
  public:
    virtual ~ByteSource() = default;
    /// At least one byte, at most `to.size()`; 0 at the end.
    [[nodiscard]] virtual Result<std::size_t> read(std::span<std::uint8_t> to) = 0;
    /// How much of it is read, 0 to 1; nothing where its length is not known.
    [[nodiscard]] virtual std::optional<double> progress() const { return std::nullopt; }
};

/// A file, compressed by gzip or not; "-" is standard input. Fails where it cannot be opened. What
/// comes through a pipe is handed on as it comes, and ends when the descriptor `stop` becomes
/// readable (-1: never).
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_file(const std::string& path, int stop = -1);

/// How a file is called in messages: "-" is "standard input".
[[nodiscard]] std::string file_title(const std::string& path);

/// What is in memory already.
class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
    [[nodiscard]] Result<std::size_t> read(std::span<std::uint8_t> to) override;

  private:
    std::vector<std::uint8_t> bytes_;
    std::size_t next_ = 0;
};

/// Reads a source in pieces as a file format has them, and knows where it stands. Holds one buffer,
/// whatever the file's size.
class ByteReader {
  public:
    explicit ByteReader(std::unique_ptr<ByteSource> source);

    /// Fills `to`; fewer bytes only where the source ends. Returns how many.
    [[nodiscard]] Result<std::size_t> read(std::span<std::uint8_t> to);
    /// Passes over `count` bytes. Returns how many there were.
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
