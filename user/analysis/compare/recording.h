// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "flowstamp/flow.h"
#include "flowstamp/packet.h"
#include "user/base/clock.h"

namespace flowstamp::analysis::compare {

/// A TCP segment as one capture shows it: 40 bytes, as there may be millions.
struct SeenPacket {
    std::int64_t time_ns = 0;  ///< since 1970, by the capture's clock
    std::uint32_t frame = 0;   ///< its number in its file, from 1
    std::uint32_t way = 0;     ///< twice its connection's index, plus its sender's index in the key
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint32_t payload = 0;  ///< bytes
    std::uint16_t ip_id = 0;    ///< 0 for IPv6
    std::uint16_t window = 0;   ///< unscaled
    std::uint16_t flags = 0;    ///< enum fst_packet_flags
    std::uint8_t ttl = 0;       ///< TTL or hop limit
    std::uint8_t tcp_flags = 0;
    std::uint8_t tos = 0;
    std::uint8_t header_words = 0;  ///< 4-byte words of IP and TCP header
    std::uint16_t head = 0;         ///< hash of the first kHeadBytes of its data; 0: not known

    [[nodiscard]] bool is_reset() const { return (tcp_flags & FST_TCP_RST) != 0; }
    /// Sequence numbers that it uses: its data, SYN and FIN. Those of a RST are not part of the
    /// stream.
    [[nodiscard]] std::uint32_t length() const {
        const std::uint32_t syn = tcp_flags & FST_TCP_SYN ? 1 : 0;
        const std::uint32_t fin = tcp_flags & FST_TCP_FIN ? 1 : 0;
        return is_reset() ? 0 : payload + syn + fin;
    }
};
static_assert(sizeof(SeenPacket) == 40);

/// What a SYN offers.
struct SynOptions {
    std::uint16_t flags = 0;  ///< of enum fst_packet_flags: those about options
    std::uint16_t mss = 0;
    std::uint8_t wscale = 0;
};

/// A connection as one interface of a capture shows it. Another connection on the same ports is
/// another view.
struct View {
    fst_flow_key key{};
    std::array<std::optional<std::uint32_t>, 2> isn{};  ///< of each end, if its SYN is there
    std::array<std::optional<SynOptions>, 2> syn{};
    std::array<std::uint32_t, 2> first_seq{};  ///< of each direction's first packet
    std::array<std::size_t, 2> first{};        ///< of each direction's packets; after finish()
    std::array<std::size_t, 2> count{};
    bool is_midway = false;      ///< it was joined after its SYN
    bool has_successor = false;  ///< another connection on the same ports follows
    bool succeeds = false;       ///< ... came before

    [[nodiscard]] std::size_t packets() const { return count[0] + count[1]; }
};

/// One capture, held as compact records.
class Recording {
  public:
    /// Packets that are held: 40 bytes each. What comes later is not compared, see is_full().
    static constexpr std::size_t kMost = 32'000'000;

    explicit Recording(std::string file, std::size_t most = kMost)
        : file_(std::move(file)), most_(most) {}

    /// Bytes of data that are compared of a packet.
    static constexpr std::size_t kHeadBytes = 16;

    /// Adds a segment, its time since 1970. `data`: what the capture has of its data.
    void add(const fst_packet& packet, std::uint64_t frame,
             std::span<const std::uint8_t> data = {});
    /// The capture ran then: it has a frame of that time, of whatever protocol.
    void ran_at(std::int64_t time_ns);
    /// A frame that the capture cuts within its headers: what it was is not known.
    void add_cut() { cut_++; }
    /// What the capture's own record says: packets that it lost.
    void set_dropped(std::optional<std::uint64_t> packets) { dropped_ = packets; }
    /// Sorts the packets. To be called once, after the last.
    void finish();

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] const std::vector<View>& views() const { return views_; }
    /// A direction's packets by time.
    [[nodiscard]] std::span<const SeenPacket> packets(std::size_t view, unsigned direction) const {
        const View& its = views_[view];
        return std::span(packets_).subspan(its.first[direction], its.count[direction]);
    }
    [[nodiscard]] std::size_t size() const { return packets_.size(); }
    /// Times of its first and last frame.
    [[nodiscard]] std::int64_t begin_ns() const { return begin_ns_; }
    [[nodiscard]] std::int64_t end_ns() const { return end_ns_; }
    /// Packets above kMost.
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
    [[nodiscard]] bool is_full() const { return left_out_ != 0; }
    [[nodiscard]] std::uint64_t cut() const { return cut_; }
    [[nodiscard]] std::optional<std::uint64_t> dropped() const { return dropped_; }
    /// Whether any packet has TCP options: rebuilt headers, as those of `watch --stamps`, have none.
    [[nodiscard]] bool has_options() const { return has_options_; }

    /// Whether it shows a reset with these numbers up to that time, of whatever connection: a packet
    /// that leaves its NAT untranslated is answered under other addresses. `ack` counts if `seq` is 0,
    /// as of each refused SYN.
    [[nodiscard]] bool has_reset(std::uint32_t seq, std::uint32_t ack, std::int64_t until_ns) const;

    /// All views of the flow that `view` belongs to: the connections on its ports, at any interface.
    [[nodiscard]] std::vector<std::uint32_t> same_ports(std::size_t view) const;

  private:
    struct KeyHash {
        std::size_t operator()(const fst_flow_key& key) const noexcept;
    };
    struct KeyEqual {
        bool operator()(const fst_flow_key& one, const fst_flow_key& other) const noexcept;
    };

    [[nodiscard]] std::uint32_t view_of(const fst_packet& packet);
    [[nodiscard]] bool begins_another(const View& view, const fst_packet& packet) const;
    [[nodiscard]] std::uint32_t open(const fst_packet& packet);

    std::string file_;
    std::size_t most_;
    std::vector<SeenPacket> packets_;
    std::vector<View> views_;
    std::vector<SeenPacket> resets_;  ///< by sequence number; after finish()
    std::unordered_map<fst_flow_key, std::uint32_t, KeyHash, KeyEqual> open_;  ///< the latest view
    std::unordered_map<fst_flow_key, std::vector<std::uint32_t>, KeyHash, KeyEqual>
        ports_;  ///< views by key without interface
    std::int64_t begin_ns_ = std::numeric_limits<std::int64_t>::max();
    std::int64_t end_ns_ = std::numeric_limits<std::int64_t>::min();
    std::uint64_t left_out_ = 0;
    std::uint64_t cut_ = 0;
    std::optional<std::uint64_t> dropped_{};
    bool has_options_ = false;
};

}  // namespace flowstamp::analysis::compare
