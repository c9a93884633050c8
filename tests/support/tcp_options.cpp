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

struct Encoder {
    ByteWriter& out;

    void operator()(const EndOfOptions&) const { out.u8(Kind::End); }
    void operator()(const Nop&) const { out.u8(Kind::NoOp); }
    void operator()(const Mss& mss) const { out.u8(Kind::MaxSeg).u8(4).u16(mss.bytes); }
    void operator()(const WindowScale& scale) const { out.u8(Kind::Scale).u8(3).u8(scale.shift); }
    void operator()(const SackPermitted&) const { out.u8(Kind::SackOk).u8(2); }
    void operator()(const Sack& sack) const {
        out.u8(Kind::SackBlocks).u8(2 + 8 * sack.blocks.size());
        for (const auto& [left, right] : sack.blocks)
            out.u32(left).u32(right);
    }
    void operator()(const Timestamps& ts) const { out.u8(Kind::Ts).u8(10).u32(ts.val).u32(ts.ecr); }
    void operator()(const RawOption& raw) const {
        out.u8(raw.kind).u8(raw.length.value_or(2 + raw.data.size())).raw(raw.data);
    }
};

}  // namespace

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
        std::visit(Encoder{out}, option);
    return out.pad_to(4).take();
}

}  // namespace flowstamp::testing
