// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A netlink message to be sent.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace flowstamp::kernel {

/// Built front to back. Values are copied as they are: byte order is the caller's.
class NetlinkRequest {
  public:
    /// `flags`: NLM_F_*, besides NLM_F_REQUEST.
    NetlinkRequest(std::uint16_t type, std::uint16_t flags) {
        put(nlmsghdr{.nlmsg_len = 0,
                     .nlmsg_type = type,
                     .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                     .nlmsg_seq = 0,
                     .nlmsg_pid = 0});
    }

    /// The family's own header, behind netlink's.
    template <class Header>
    void put(const Header& header) {
        append(&header, sizeof(header));
    }
    template <class Value>
    void attribute(std::uint16_t type, const Value& value) {
        const std::size_t at = begin(type);
        append(&value, sizeof(value));
        end(at);
    }
    /// Attributes added by `inside` are nested in one of this type.
    template <class Inside>
    void nested(std::uint16_t type, Inside inside) {
        const std::size_t at = begin(type | NLA_F_NESTED);
        inside();
        end(at);
    }

    [[nodiscard]] std::span<const std::byte> bytes() {
        const auto length = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &length, sizeof(length));
        return bytes_;
    }

  private:
    std::size_t begin(std::uint16_t type) {
        const std::size_t at = bytes_.size();
        const nlattr attribute{.nla_len = 0, .nla_type = type};
        append(&attribute, sizeof(attribute));
        return at;
    }
    /// Its length is that without padding; of a nested one the attributes in it are padded.
    void end(std::size_t at) {
        const auto length = static_cast<std::uint16_t>(unpadded_ - at);
        std::memcpy(bytes_.data() + at, &length, sizeof(length));
    }
    void append(const void* data, std::size_t size) {
        const auto* const first = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), first, first + size);
        unpadded_ = bytes_.size();
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }

    std::vector<std::byte> bytes_;
    std::size_t unpadded_ = 0;  ///< the end of what was added last
};

}  // namespace flowstamp::kernel
