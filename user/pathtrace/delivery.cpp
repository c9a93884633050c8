// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/delivery.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <array>

namespace flowstamp::pathtrace {

namespace {

using Cause = Delivery::Cause;
using Way = DeliveryFacts::Way;

/// As ss names the states of linux/tcp_states.h.
std::string state_text(unsigned state, bool is_tcp) {
    static constexpr std::array<std::string_view, 13> kStates = {
        "",       "ESTAB",      "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
        "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",   "CLOSING",    "SYN-RECV"};
    return is_tcp || state == TCP_ESTABLISHED || state == TCP_CLOSE
               ? std::string(state < kStates.size() ? kStates[state] : "")
               : std::string();
}

/// The kernel drops a SYN only if more wait than the limit says.
std::optional<Cause> full_accept_queue(const DeliveryFacts& facts) {
    const SocketFacts& socket = *facts.socket;
    if (!facts.is_tcp || socket.state != TCP_LISTEN || socket.receive_queue <= socket.send_queue) {
        return std::nullopt;
    }
    std::string words =
        fmt::format("its accept queue is full: {} wait to be accepted, of at most {}",
                    socket.receive_queue, socket.send_queue);
    if (facts.overflows > 0) {
        words += fmt::format(" (ListenOverflows moved by {})", facts.overflows);
    }
    return Cause{
        .kind = Cause::Kind::accept_queue_full,
        .words = std::move(words),
        .look_at = fmt::format("ss -lnt 'sport = :{}'; nstat -az TcpExtListenOverflows; the "
                               "program must accept faster; a longer queue: its listen(), and "
                               "sysctl net.core.somaxconn",
                               facts.port)};
}

/// While the window is zero no data is taken in: it was still open when the last came. Mostly that closed it; a
/// segment for which there was no memory may have, later.
std::optional<Cause> closed_window(const DeliveryFacts& facts) {
    const SocketFacts& socket = *facts.socket;
    if (!facts.is_tcp || socket.state != TCP_ESTABLISHED || socket.receive_window != 0U ||
        socket.receive_queue == 0) {
        return std::nullopt;
    }
    return Cause{.kind = Cause::Kind::zero_window,
                 .words = fmt::format("its receive window has been zero for at most {:.1f} s, "
                                      "since its last data came: the program has not read {} "
                                      "bytes",
                                      socket.last_data_ms / 1000.0, socket.receive_queue),
                 .look_at = fmt::format("ss -tnmi 'sport = :{}'", facts.port)};
}

std::optional<Cause> way_back(const DeliveryFacts& facts) {
    const std::string route =
        fmt::format("ip route get {} from {}; ip rule", facts.source, facts.local);
    if (facts.way_back == Way::none) {
        return Cause{.kind = Cause::Kind::no_way_back,
                     .words = "no route back to " + facts.source,
                     .look_at = route};
    }
    if (facts.way_back == Way::refused) {
        return Cause{
            .kind = Cause::Kind::no_way_back,
            .words = fmt::format("routing refuses the way back to {}: a route or rule says "
                                 "blackhole or prohibit",
                                 facts.source),
            .look_at = route};
    }
    if (facts.way_back == Way::found && !facts.came_in.empty() && !facts.way_out.empty() &&
        facts.came_in != facts.way_out) {
        return Cause{
            .kind = Cause::Kind::other_way_back,
            .words = fmt::format("an answer leaves through {}, but it came in through {}: a "
                                 "reverse path filter or a firewall there may stop it",
                                 facts.way_out, facts.came_in),
            .look_at = route};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Delivery> explain_delivery(const DeliveryFacts& facts) {
    Delivery delivery{.is_answered = facts.is_answered};
    const auto add = [&](std::optional<Cause> cause) {
        if (cause) {
            delivery.causes.push_back(*std::move(cause));
        }
    };
    if (facts.socket) {
        delivery.state = state_text(facts.socket->state, facts.is_tcp);
        add(closed_window(facts));
        if (!facts.is_answered) {
            add(full_accept_queue(facts));
        }
    }
    if (!facts.is_answered) {
        add(way_back(facts));
    }
    const bool is_worth_it =
        !delivery.causes.empty() || (!facts.is_answered && !delivery.state.empty());
    return is_worth_it ? std::optional(std::move(delivery)) : std::nullopt;
}

std::string_view name_of(Cause::Kind kind) {
    switch (kind) {
        case Cause::Kind::accept_queue_full:
            return "accept-queue-full";
        case Cause::Kind::no_way_back:
            return "no-way-back";
        case Cause::Kind::other_way_back:
            return "other-way-back";
        case Cause::Kind::zero_window:
            break;
    }
    return "zero-window";
}

}  // namespace flowstamp::pathtrace
