// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/capture_file.h"

#include <zlib.h>

#include <stdexcept>

namespace flowstamp::testing {

FieldWriter& FieldWriter::number(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i++) {
        const std::size_t shift = 8 * (big_ ? bytes - 1 - i : i);
        bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return *this;
}

FieldWriter& FieldWriter::raw(std::span<const std::uint8_t> data) {
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return *this;
}

FieldWriter& FieldWriter::pad() {
    while (bytes_.size() % 4 != 0) {
        bytes_.push_back(0);
    }
    return *this;
}

PcapFile::PcapFile(const Options& options) : options_(options), writer_(options.big) {
    writer_.u32(options.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4).u16(2).u16(4);
    writer_.u32(0).u32(0).u32(262144).u32(options.link_type);
}

PcapFile& PcapFile::frame(std::chrono::nanoseconds time, std::span<const std::uint8_t> frame,
                          std::optional<std::uint32_t> original) {
    const auto count = static_cast<std::uint64_t>(time.count());
    const std::uint64_t rest = count % 1'000'000'000;
    writer_.u32(count / 1'000'000'000).u32(options_.nanoseconds ? rest : rest / 1000);
    writer_.u32(frame.size()).u32(original.value_or(frame.size())).raw(frame);
    return *this;
}

PcapngFile& PcapngFile::section(bool big) {
    writer_.set_order(big);
    FieldWriter body(big);
    body.u32(0x1a2b3c4d).u16(1).u16(0).number(~0ULL, 8);
    return block(0x0a0d0d0a, body.bytes());
}

PcapngFile& PcapngFile::interface(const Interface& interface) {
    FieldWriter body(writer_.big());
    body.u16(interface.link_type).u16(0).u32(interface.snap);
    if (!interface.name.empty()) {
        body.u16(2).u16(interface.name.size());
        body.raw(Bytes(interface.name.begin(), interface.name.end())).pad();
    }
    if (interface.resolution) {
        body.u16(9).u16(1).number(*interface.resolution, 1).pad();
    }
    if (interface.offset) {
        body.u16(14).u16(8).number(static_cast<std::uint64_t>(*interface.offset), 8);
    }
    body.u16(0).u16(0);
    return block(1, body.bytes());
}

PcapngFile& PcapngFile::enhanced(std::uint32_t interface, std::uint64_t units,
                                 std::span<const std::uint8_t> frame,
                                 std::optional<std::uint32_t> original) {
    FieldWriter body(writer_.big());
    body.u32(interface).u32(units >> 32).u32(units);
    body.u32(frame.size()).u32(original.value_or(frame.size())).raw(frame).pad();
    return block(6, body.bytes());
}

PcapngFile& PcapngFile::old(std::uint16_t interface, std::uint64_t units,
                            std::span<const std::uint8_t> frame) {
    FieldWriter body(writer_.big());
    body.u16(interface).u16(0xffff).u32(units >> 32).u32(units);
    body.u32(frame.size()).u32(frame.size()).raw(frame).pad();
    return block(2, body.bytes());
}

PcapngFile& PcapngFile::simple(std::span<const std::uint8_t> frame,
                               std::optional<std::uint32_t> original) {
    FieldWriter body(writer_.big());
    body.u32(original.value_or(frame.size())).raw(frame).pad();
    return block(3, body.bytes());
}

PcapngFile& PcapngFile::block(std::uint32_t type, std::span<const std::uint8_t> body,
                              std::optional<std::uint32_t> length) {
    const auto total = length.value_or(static_cast<std::uint32_t>(body.size() + 12));
    writer_.u32(type).u32(total).raw(body).u32(total);
    return *this;
}

Bytes gzipped(std::span<const std::uint8_t> bytes) {
    constexpr int kGzip = 15 + 16;  // the largest window, and gzip's header
    z_stream stream{};
    Bytes out(bytes.size() + 1024);
    if (::deflateInit2(&stream, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::bad_alloc();
    }
    stream.next_in = const_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (result != Z_STREAM_END) {
        throw std::runtime_error("not compressed");
    }
    return out;
}

}  // namespace flowstamp::testing
