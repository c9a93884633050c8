// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What lies behind packets that were delivered: the socket, who holds it, and why there may be no
// answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp::pathtrace {

struct Delivery {
    struct Process {
        int pid = 0;  ///< in the process namespace of the reader
        std::string name{};

        friend bool operator==(const Process&, const Process&) = default;
    };
    /// Something that was read, and that keeps an answer from being sent or from arriving.
    struct Cause {
        enum class Kind { accept_queue_full, no_way_back, other_way_back, zero_window };
        Kind kind = Kind::accept_queue_full;
        std::string words{};    ///< a clause
        std::string look_at{};  ///< the command that shows it, or that fixes it

        friend bool operator==(const Cause&, const Cause&) = default;
    };
    bool is_answered = false;  ///< packets of the other direction were seen
    std::string state{};       ///< of the socket, as ss prints it: "LISTEN"; empty: none found
    std::vector<Process> processes{};  ///< that hold the socket open; empty: not found
    std::vector<Cause> causes{};

    friend bool operator==(const Delivery&, const Delivery&) = default;
};

/// A socket, as `ss` shows it.
struct SocketFacts {
    unsigned state = 0;               ///< TCP_ESTABLISHED (1) to TCP_NEW_SYN_RECV (12)
    std::uint32_t inode = 0;          ///< 0: no process holds it (yet, or any more)
    std::uint32_t receive_queue = 0;  ///< bytes not read; connections not accepted if it listens
    std::uint32_t send_queue =
        0;                       ///< bytes not acknowledged; the longest accept queue if it listens
    std::uint32_t bound_to = 0;  ///< interface; 0: none
    /// TCP: what is advertised to the peer (Linux 6.2), and how long ago the last data came.
    std::optional<std::uint32_t> receive_window{};
    std::uint32_t last_data_ms = 0;
};

/// What was read about delivered packets.
struct DeliveryFacts {
    enum class Way { unknown, found, none, refused };

    bool is_answered = false;
    bool is_tcp = false;
    std::optional<SocketFacts> socket{};
    std::uint64_t overflows = 0;  ///< increase of TcpExt's ListenOverflows since the run began
    Way way_back = Way::unknown;
    std::string came_in{};   ///< interface; empty: not known
    std::string way_out{};   ///< interface of the way back
    std::string source{};    ///< address that an answer goes to
    std::string local{};     ///< ... and comes from
    std::uint16_t port = 0;  ///< local
};

/// Without processes. Nothing if packets were answered, and nothing of what was read speaks against more answers; or if
/// nothing is known. No cause is given that was not read.
[[nodiscard]] std::optional<Delivery> explain_delivery(const DeliveryFacts& facts);

/// "accept-queue-full": as in JSON.
[[nodiscard]] std::string_view name_of(Delivery::Cause::Kind kind);

}  // namespace flowstamp::pathtrace
