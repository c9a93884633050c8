// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "flowstamp/packet.h"
#include "user/base/result.h"
#include "user/net/capture/byte_source.h"

namespace flowstamp::cmd {

/// Reads stamps from JSON lines: events of the type `stamp`, as `watch --stamps` writes them. Other
/// events are passed over.
class StampLines {
  public:
    /// `title` names the file in messages.
    StampLines(std::unique_ptr<net::ByteSource> source, std::string title)
        : source_(std::move(source)), title_(std::move(title)) {}

    struct Stamp {
        std::uint64_t line;  ///< in the file, from 1
        fst_packet packet;   ///< its time since 1970, ns
    };
    /// The next stamp; nothing at the end. Fails at what is no JSON.
    [[nodiscard]] Result<std::optional<Stamp>> next();

    [[nodiscard]] std::optional<double> progress() const { return source_->progress(); }

  private:
    [[nodiscard]] Result<std::optional<std::string_view>> read_line();
    [[nodiscard]] std::uint32_t ifindex_of(const std::string& interface);

    std::unique_ptr<net::ByteSource> source_;
    std::string title_;
    std::string buffer_;
    std::size_t at_ = 0;  ///< of the next line in the buffer
    bool has_ended_ = false;
    std::uint64_t lines_ = 0;
    std::map<std::string, std::uint32_t> interfaces_;
};

/// The packet of one event of the type `stamp`; nothing if it is another event, or incomplete.
/// `ifindex` is left 0.
[[nodiscard]] Result<std::optional<fst_packet>> packet_of_stamp(std::string_view line,
                                                                std::string& interface);

}  // namespace flowstamp::cmd
