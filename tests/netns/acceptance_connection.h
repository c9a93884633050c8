// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A TCP connection between two kernels whose client's interface is watched. Once cut, its peer is
// heard of no more: what comes in the peer's name is what a test sends, one frame at a time, and
// after each the state of the client's socket and of the flow's slot can be read.
#pragma once

#include <linux/tcp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flowstamp/flow.h"
#include "tests/netns/lab_fixture.h"
#include "user/kernel/attach/probe.h"
#include "user/lab/packet_socket.h"

namespace flowstamp::lab {

/// What becomes of the connection before it is cut.
enum class Phase : std::uint8_t {
    Established,
    Unacknowledged,  ///< the client has sent what nobody acknowledges
    Unread,          ///< what the peer sent is still in the receive queue
    ZeroWindow,      ///< the receive queue is full
    PeerClosed,      ///< the peer's FIN was taken in
    WeClosed,        ///< the client's FIN was acknowledged
};
inline constexpr std::array kPhases = {Phase::Established, Phase::Unacknowledged, Phase::Unread,
                                       Phase::ZeroWindow,  Phase::PeerClosed,     Phase::WeClosed};

struct Situation {
    Family family = Family::V4;
    Phase phase = Phase::Established;
    bool timestamps = true;
    bool window_scaling = true;
    bool client_opens = true;
    int receive_buffer = 0;  ///< of the client; 0: as the kernel chooses

    std::string text() const;
};

/// The client's socket as its kernel knows it. Sequence numbers are as on the wire.
struct SocketView {
    tcp_info info{};
    std::uint32_t rcv_nxt = 0;
    std::uint32_t rcv_wup = 0;     ///< the latest ACK that was sent
    std::uint32_t right_edge = 0;  ///< of the window that was advertised
    bool takes_more = false;       ///< than a window without a scale can say
    std::uint32_t snd_una = 0, snd_nxt = 0;
    std::uint32_t snd_wl1 = 0;     ///< the segment that last updated the peer's window
    std::uint32_t max_window = 0;  ///< the peer's largest so far
};

/// How often the client's kernel has refused segments, by the reasons that it counts.
struct Refusals {
    std::array<std::uint64_t, 6> counts{};
    bool operator==(const Refusals&) const = default;
};

/// Two hosts, a router between them, and the probe on the client's interface.
class WatchedClient {
  public:
    WatchedClient(const Lab& lab, kernel::IngressChoice hook);

    const Namespace& host() const { return lab_.client(); }
    const Lab& lab() const { return lab_; }
    const kernel::FlowTable& flows() { return probe_.maps().flows(); }
    std::uint64_t counter(fst_counter which);

    /// Sends a frame from the router to the client; returns once the client's stack has seen it.
    void deliver(FrameView frame);
    Refusals refusals() const;
    /// The timestamp that the client's latest answer has echoed: its kernel's TS.Recent.
    std::optional<std::uint32_t> echoed() const { return echoed_; }
    void forget_echo() { echoed_.reset(); }

  private:
    void hear();

    const Lab& lab_;
    kernel::AttachedProbe probe_;
    PacketSocket wire_;
    Fd marks_;  ///< receives a datagram after each frame, by the same way
    Frame mark_;
    Fd netstat_, snmp_;
    std::optional<std::uint32_t> echoed_;
};

class CutConnection {
  public:
    /// Opens the connection, brings it into its phase and cuts it.
    CutConnection(WatchedClient& client, const Situation& situation);
    CutConnection(const CutConnection&) = delete;
    CutConnection& operator=(const CutConnection&) = delete;
    ~CutConnection();

    const Situation& situation() const { return situation_; }
    SocketView socket() const;
    fst_flow flow() const;
    int peer() const { return peer_; }  ///< its index in the flow
    int us() const { return peer_ ^ 1; }
    const Endpoint& peer_end() const { return peer_end_; }
    const Endpoint& our_end() const { return our_end_; }

    /// The application's part: reads all, if its phase lets it; sends some bytes.
    void read_all() const;
    void send_some(std::size_t bytes) const;

  private:
    void open();
    void exchange() const;
    void enter_phase();
    void set_forwarding(bool on) const;
    void find_slot();

    WatchedClient& client_;
    Situation situation_;
    Fd ours_, theirs_;
    Endpoint our_end_, peer_end_;
    std::uint32_t slot_ = 0;
    int peer_ = 0;
};

}  // namespace flowstamp::lab
