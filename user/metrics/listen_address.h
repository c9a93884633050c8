// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "user/base/result.h"

namespace flowstamp::metrics {

/// Where to listen.
struct ListenAddress {
    std::string host{};  ///< numeric: "127.0.0.1", "::1"
    std::uint16_t port = 0;
    bool is_v6 = false;
    bool is_loopback = false;  ///< only this host reaches it

    /// "127.0.0.1:9464", "[::1]:9464".
    [[nodiscard]] std::string text() const;
};

/// Reads "127.0.0.1:9464", "[::1]:9464" or "localhost:9464"; without an address (":9464", "9464")
/// that is 127.0.0.1.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

/// Fails if nobody can listen there: it is no address of this host, or the port is taken.
[[nodiscard]] Status check_free(const ListenAddress& address);

}  // namespace flowstamp::metrics
