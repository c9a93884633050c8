// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/tcp_options.h"

#include "tests/support/byte_writer.h"

namespace flowstamp::testing {
namespace {

/// Option kinds, from IANA's registry of TCP parameters.
enum Kind : std::uint8_t {
    End = 0,
    NoOp = 1,
    MaxSeg = 2,
    Scale = 3,
    SackOk = 4,
    SackBlocks = 5,
    Ts = 8
};

}  // namespace

TcpOption::TcpOption(EndOfOptions) : bytes_{Kind::End} {}
TcpOption::TcpOption(Nop) : bytes_{Kind::NoOp} {}
TcpOption::TcpOption(Mss mss) : bytes_(ByteWriter{}.u8(Kind::MaxSeg).u8(4).u16(mss.bytes).take()) {}
TcpOption::TcpOption(WindowScale scale) : bytes_{Kind::Scale, 3, scale.shift} {}
TcpOption::TcpOption(SackPermitted) : bytes_{Kind::SackOk, 2} {}
TcpOption::TcpOption(const Sack& sack) {
    ByteWriter out;
    out.u8(Kind::SackBlocks).u8(2 + 8 * sack.blocks.size());
    for (const auto& [left, right] : sack.blocks)
        out.u32(left).u32(right);
    bytes_ = out.take();
}
TcpOption::TcpOption(Timestamps ts)
    : bytes_(ByteWriter{}.u8(Kind::Ts).u8(10).u32(ts.val).u32(ts.ecr).take()) {}
TcpOption::TcpOption(const RawOption& raw)
    : bytes_(ByteWriter{}
                 .u8(raw.kind)
                 .u8(raw.length.value_or(2 + raw.data.size()))
                 .raw(raw.data)
                 .take()) {}

std::vector<TcpOption> nop_nop_timestamps(std::uint32_t val, std::uint32_t ecr) {
    return {Nop{}, Nop{}, Timestamps{val, ecr}};
}

std::vector<TcpOption> linux_syn_options(std::uint32_t val, std::uint32_t ecr, std::uint16_t mss,
                                         std::uint8_t shift) {
    return {Mss{mss}, SackPermitted{}, Timestamps{val, ecr}, Nop{}, WindowScale{shift}};
}

Bytes encode(std::span<const TcpOption> options) {
    ByteWriter out;
    for (const TcpOption& option : options)
        out.raw(option.bytes());
    return out.pad_to(4).take();
}

}  // namespace flowstamp::testing
