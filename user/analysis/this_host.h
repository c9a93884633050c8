// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// What only the host on which a watch runs can say, when asked. By default nothing: a capture's
/// analysis does not know the host.
class ThisHost {
  public:
    virtual ~ThisHost() = default;

    struct Route {
        bool is_own = false;        ///< the address is this host's
        std::uint32_t ifindex = 0;  ///< of the interface by which it sends there
        bool is_watched = false;    ///< what comes in by that interface is seen
    };
    /// Its route to an address; nullopt: not known, or there is none.
    [[nodiscard]] virtual std::optional<Route> route_to(const net::Endpoint&) const {
        return std::nullopt;
    }
    /// A program of this host that does not read what has come for a connection.
    struct Reader {
        std::string process{};
        int pid = 0;
        std::uint32_t unread_bytes = 0;
    };
    /// The one behind this host's own end of a connection whose receive window is zero now; nullopt: the end is
    /// elsewhere, its window is open, or the program is not found.
    [[nodiscard]] virtual std::optional<Reader> stuck_reader(const net::Endpoint& /*own*/,
                                                             const net::Endpoint& /*peer*/) const {
        return std::nullopt;
    }
    /// Whether nothing can pass it unseen: both directions of every interface that is up are
    /// watched.
    [[nodiscard]] virtual bool is_watched_whole() const { return false; }
    /// Events that were lost so far, and packets that passed unstamped as the flow table was full; nullopt: not
    /// known.
    [[nodiscard]] virtual std::optional<std::uint64_t> events_lost() const { return std::nullopt; }
};

/// Says nothing.
inline const ThisHost kUnknownHost{};

}  // namespace flowstamp::analysis
