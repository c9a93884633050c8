// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/capture_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flowstamp::net {

namespace {

constexpr std::array<std::uint8_t, 4> kPcapng = {0x0a, 0x0d, 0x0d, 0x0a};

}  // namespace

Result<std::unique_ptr<CaptureReader>> CaptureReader::open(std::unique_ptr<ByteSource> source,
                                                           const std::string& title) {
    ByteReader reader(std::move(source));
    std::array<std::uint8_t, 4> magic{};
    const auto got = reader.read(magic);
    if (!got) {
        return std::unexpected(got.error());
    }
    if (*got == 0) {
        return fail({.operation = "read",
                     .object = title,
                     .reason = "the file is empty",
                     .hint = "a capture without packets has a header, too"});
    }
    if (*got == magic.size() && magic == kPcapng) {
        return open_pcapng(std::move(reader), title);
    }
    if (*got == magic.size() && is_pcap(magic)) {
        return open_pcap(std::move(reader), title, magic);
    }
    return fail({.operation = "read",
                 .object = title,
                 .reason = "neither pcap nor pcapng",
                 .hint = "convert it with `editcap -F pcapng`"});
}

std::unexpected<Error> CaptureReader::damaged(std::uint64_t offset,
                                              const std::string& reason) const {
    return fail({.operation = "read",
                 .object = title_,
                 .reason = fmt::format("{} (after frame {}, at byte {})", reason, number_, offset),
                 .hint = "only the part before it was replayed"});
}

std::unexpected<Error> CaptureReader::cut_short(std::uint64_t offset) const {
    return damaged(offset, "the file is cut short");
}

Result<std::span<const std::uint8_t>> CaptureReader::read_frame(std::uint32_t length,
                                                                std::uint64_t offset) {
    const std::span<std::uint8_t> kept(frame_.data(), std::min<std::size_t>(length, frame_.size()));
    const auto got = reader_.read(kept);
    if (!got) {
        return std::unexpected(got.error());
    }
    const auto skipped = reader_.skip(length - kept.size());
    if (!skipped) {
        return std::unexpected(skipped.error());
    }
    if (*got + *skipped != length) {
        return cut_short(offset);
    }
    return kept;
}

Nanoseconds capture_time(std::uint64_t units, std::uint64_t units_per_second,
                         std::int64_t seconds) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    constexpr std::int64_t kLatest = std::int64_t{1} << 62;
    constexpr std::int64_t kLatestSeconds = kLatest / static_cast<std::int64_t>(kSecond);
    const std::uint64_t whole = std::min<std::uint64_t>(units / units_per_second, kLatestSeconds);
    const std::uint64_t rest = units % units_per_second;
    // rest < units_per_second, so this is below a second; 128 bits, as rest * 10^9 may not fit 64.
    __extension__ using Wide = unsigned __int128;
    const auto nanoseconds = static_cast<std::int64_t>(Wide{rest} * kSecond / units_per_second);
    const std::int64_t moved =
        static_cast<std::int64_t>(whole) + std::clamp(seconds, -kLatestSeconds, kLatestSeconds);
    if (moved < 0) {
        return Nanoseconds::zero();
    }
    return Nanoseconds(std::min(moved, kLatestSeconds - 1) * static_cast<std::int64_t>(kSecond) +
                       nanoseconds);
}

}  // namespace flowstamp::net
