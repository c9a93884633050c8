// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What every reader of netlink messages needs. Messages and attributes that do not fit into the
// bytes received end the walk. Not for includers outside user/kernel and user/pathtrace/live.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "user/base/result.h"

namespace flowstamp::kernel {

using Bytes = std::span<const std::byte>;

namespace netlink_detail {

inline Bytes behind(Bytes bytes, std::size_t aligned) {
    return bytes.subspan(std::min(aligned, bytes.size()));
}

}  // namespace netlink_detail

/// Calls `visit(type, payload)` for each attribute. False if one is cut off or malformed.
template <class Visit>
bool each_attribute(Bytes bytes, Visit&& visit) {
    while (bytes.size() >= sizeof(nlattr)) {
        nlattr attribute;
        std::memcpy(&attribute, bytes.data(), sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > bytes.size()) {
            return false;
        }
        visit(attribute.nla_type & NLA_TYPE_MASK,
              bytes.subspan(sizeof(attribute), attribute.nla_len - sizeof(attribute)));
        bytes = netlink_detail::behind(bytes, NLA_ALIGN(attribute.nla_len));
    }
    return bytes.empty();
}

/// Calls `visit(header, payload)` for each message of a datagram, until it returns false. False if
/// a message is cut off or malformed.
template <class Visit>
bool each_message(Bytes bytes, Visit&& visit) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header;
        std::memcpy(&header, bytes.data(), sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > bytes.size()) {
            return false;
        }
        if (!visit(header, bytes.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN))) {
            return true;
        }
        bytes = netlink_detail::behind(bytes, NLMSG_ALIGN(header.nlmsg_len));
    }
    return bytes.empty();
}

/// A text attribute, which may or may not end with a zero byte.
[[nodiscard]] inline std::string text_of(Bytes value) {
    const char* text = reinterpret_cast<const char*>(value.data());
    return value.empty() ? std::string() : std::string(text, ::strnlen(text, value.size()));
}

/// An attribute that holds one number. False, and `number` unchanged, if it has another size.
template <class Number>
bool read_number(Bytes value, Number& number) {
    if (value.size() != sizeof(number)) {
        return false;
    }
    std::memcpy(&number, value.data(), sizeof(number));
    return true;
}

/// Sends a dump request of NETLINK_ROUTE in this network namespace, and hands on each datagram of
/// the answer. Fails if the kernel refuses, or says that the state changed while it was read;
/// `what` is listed: "tc filters".
[[nodiscard]] Status dump(Bytes request, const std::string& what,
                          const std::function<void(Bytes datagram)>& take);

/// The same for any request of a netlink protocol (NETLINK_*). One that is no dump needs NLM_F_ACK,
/// which ends its answer. `operation` and `what` are for the error: "look up", "a conntrack entry".
[[nodiscard]] Status ask(int protocol, Bytes request, const std::string& operation,
                         const std::string& what, const std::function<void(Bytes datagram)>& take);

}  // namespace flowstamp::kernel
