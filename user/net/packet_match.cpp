// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/packet_match.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>

namespace flowstamp::net {

namespace {

constexpr int kSnapLength = 65535;
/// Limit on the paths followed through a filter program; beyond it the filter counts as matching
/// all.
constexpr unsigned kPathsMax = 4096;

using Code = std::span<const bpf_insn>;

/// Contents of a register of the filter's virtual machine.
struct Value {
    enum class Kind {
        unknown,
        constant,       ///< `number`
        header_length,  ///< of the IPv4 header
        field,          ///< `bytes` of the packet at `offset`, masked by `mask`
    };
    Kind kind = Kind::unknown;
    std::uint32_t number = 0;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t mask = UINT32_MAX;
    bool behind_header = false;  ///< the offset is relative to the end of the IPv4 header
};

std::uint32_t bytes_of(std::uint16_t code) {
    switch (BPF_SIZE(code)) {
        case BPF_W:
            return 4;
        case BPF_H:
            return 2;
        default:
            return 1;
    }
}

/// One path through the filter program, as far as it has been followed.
struct Path {
    PacketMatch match{};
    Value a{};
    Value x{};
    std::array<Value, BPF_MEMWORDS> memory{};
    bool is_exact = true;
};

/// The port range that the field belongs to, by its offset in the transport header; null if none.
PacketMatch::Ports* ports_of(PacketMatch& match, const Value& field) {
    const std::uint32_t base = match.family == 6 ? 40 : 0;
    const bool is_transport = match.family == 6 ? !field.behind_header : field.behind_header;
    if (!is_transport || field.bytes != 2 || field.mask != UINT32_MAX) {
        return nullptr;
    }
    if (field.offset == base) {
        return &match.source_ports;
    }
    return field.offset == base + 2 ? &match.destination_ports : nullptr;
}

/// Narrows a net by four bytes of an address. False if that contradicts what is already known.
bool narrow(PacketMatch::Net& net, std::size_t at, std::uint32_t value, std::uint32_t mask) {
    for (std::size_t i = 0; i < 4; i++) {
        const auto shift = static_cast<unsigned>(8 * (3 - i));
        const auto wanted = static_cast<std::uint8_t>(value >> shift);
        const auto bits = static_cast<std::uint8_t>(mask >> shift);
        const std::uint8_t both = bits & net.mask[at + i];
        if ((net.address[at + i] ^ wanted) & both) {
            return false;
        }
        net.address[at + i] |= wanted & bits;
        net.mask[at + i] |= bits;
    }
    return true;
}

void make_v4(PacketMatch::Net& net) {
    constexpr std::size_t kFfffAt = 10;  // ::ffff:0:0/96
    net.address[kFfffAt] = net.address[kFfffAt + 1] = 0xff;
    std::fill_n(net.mask.begin(), kFfffAt + 2, std::uint8_t{0xff});
}

bool covers(const PacketMatch::Net& wider, const PacketMatch::Net& net) {
    for (std::size_t i = 0; i < wider.mask.size(); i++) {
        if ((wider.mask[i] & ~net.mask[i]) ||
            ((wider.address[i] ^ net.address[i]) & wider.mask[i])) {
            return false;
        }
    }
    return true;
}

bool covers(const PacketMatch::Ports& wider, const PacketMatch::Ports& ports) {
    return wider.low <= ports.low && ports.high <= wider.high;
}

/// Whether every packet that matches `match` matches `wider`.
bool covers(const PacketMatch& wider, const PacketMatch& match) {
    return (wider.family == 0 || wider.family == match.family) &&
           (wider.protocol == 0 || wider.protocol == match.protocol) &&
           covers(wider.source, match.source) && covers(wider.destination, match.destination) &&
           covers(wider.source_ports, match.source_ports) &&
           covers(wider.destination_ports, match.destination_ports);
}

enum class Narrowed { yes, no, contradiction };

/// Assumes that the packet's field equals `value`.
Narrowed narrow_to(PacketMatch& match, const Value& field, std::uint32_t value) {
    constexpr std::size_t kV4At = 12;
    const auto narrowed_if = [](bool fits) {
        return fits ? Narrowed::yes : Narrowed::contradiction;
    };
    const bool is_ip = !field.behind_header;
    if (is_ip && field.offset == 0 && field.bytes == 1 && field.mask == 0xf0) {
        const auto family = static_cast<std::uint8_t>(value >> 4);
        const bool fits = match.family == 0 || match.family == family;
        match.family = family;
        return narrowed_if(fits && (family == 4 || family == 6));
    }
    const bool is_v4 = match.family == 4;
    const bool is_v6 = match.family == 6;
    if (is_ip && field.bytes == 1 && field.mask == UINT32_MAX &&
        ((is_v4 && field.offset == 9) || (is_v6 && field.offset == 6))) {
        const auto protocol = static_cast<std::uint8_t>(value);
        const bool fits = match.protocol == 0 || match.protocol == protocol;
        match.protocol = protocol;
        return narrowed_if(fits);
    }
    // The protocol after a fragment header: the kernel programs skip extension headers themselves.
    constexpr std::uint8_t kFragment = 44;
    if (is_ip && is_v6 && field.bytes == 1 && field.mask == UINT32_MAX && field.offset == 40 &&
        match.protocol == kFragment) {
        match.protocol = static_cast<std::uint8_t>(value);
        return Narrowed::yes;
    }
    if (is_ip && is_v4 && field.bytes == 4 && (field.offset == 12 || field.offset == 16)) {
        PacketMatch::Net& net = field.offset == 12 ? match.source : match.destination;
        make_v4(net);
        return narrowed_if(narrow(net, kV4At, value, field.mask));
    }
    if (is_ip && is_v6 && field.bytes == 4 && field.offset >= 8 && field.offset < 40) {
        PacketMatch::Net& net = field.offset < 24 ? match.source : match.destination;
        return narrowed_if(narrow(net, (field.offset - 8) % 16, value, field.mask));
    }
    if (PacketMatch::Ports* ports = ports_of(match, field)) {
        const auto port = static_cast<std::uint16_t>(value);
        const bool fits = ports->low <= port && port <= ports->high;
        *ports = {port, port};
        return narrowed_if(fits);
    }
    return Narrowed::no;
}

class Follower {
  public:
    explicit Follower(Code code) : code_(code), accepts_(code.size()) {
        // Jumps only go forward, so the last instruction is decided first.
        for (std::size_t at = code.size(); at-- > 0;) {
            accepts_[at] = may_accept(at);
        }
    }

    PacketMatches follow() {
        step(0, {});
        if (paths_ > kPathsMax || matches_all_ || found_.any_of.size() > kPacketMatchesMax) {
            return {.any_of = {}, .is_exact = matches_all_ && found_.is_exact};
        }
        return found_;
    }
    [[nodiscard]] bool accepts_something() const { return accepts_[0]; }

  private:
    [[nodiscard]] bool may_accept(std::size_t at) const {
        const bpf_insn& insn = code_[at];
        if (BPF_CLASS(insn.code) == BPF_RET) {
            return BPF_RVAL(insn.code) != BPF_K || insn.k != 0;
        }
        if (BPF_CLASS(insn.code) != BPF_JMP) {
            return accepts_[at + 1];
        }
        if (BPF_OP(insn.code) == BPF_JA) {
            return accepts_[at + 1 + insn.k];
        }
        return accepts_[at + 1 + insn.jt] || accepts_[at + 1 + insn.jf];
    }

    void step(std::size_t at, Path path) {
        for (; accepts_[at] && paths_ <= kPathsMax; at++) {
            const bpf_insn& insn = code_[at];
            switch (BPF_CLASS(insn.code)) {
                case BPF_RET:
                    accept(path);
                    return;
                case BPF_JMP:
                    if (BPF_OP(insn.code) == BPF_JA) {
                        at += insn.k;
                        break;
                    }
                    branch(at, path);
                    return;
                default:
                    compute(insn, path);
            }
        }
    }

    static void compute(const bpf_insn& insn, Path& path) {
        switch (BPF_CLASS(insn.code)) {
            case BPF_LD:
                path.a = loaded(insn, path);
                break;
            case BPF_LDX:
                path.x = BPF_MODE(insn.code) == BPF_MSH && insn.k == 0
                             ? Value{.kind = Value::Kind::header_length}
                             : loaded(insn, path);
                break;
            case BPF_ST:
                path.memory.at(insn.k) = path.a;
                break;
            case BPF_STX:
                path.memory.at(insn.k) = path.x;
                break;
            case BPF_ALU:
                if (BPF_OP(insn.code) == BPF_AND && BPF_SRC(insn.code) == BPF_K &&
                    path.a.kind == Value::Kind::field) {
                    path.a.mask &= insn.k;
                } else {
                    path.a = {};
                }
                break;
            default:
                (BPF_MISCOP(insn.code) == BPF_TAX ? path.x : path.a) =
                    BPF_MISCOP(insn.code) == BPF_TAX ? path.a : path.x;
        }
    }

    static Value loaded(const bpf_insn& insn, const Path& path) {
        switch (BPF_MODE(insn.code)) {
            case BPF_IMM:
                return {.kind = Value::Kind::constant, .number = insn.k};
            case BPF_MEM:
                return path.memory.at(insn.k);
            case BPF_ABS:
                return {.kind = Value::Kind::field, .offset = insn.k, .bytes = bytes_of(insn.code)};
            case BPF_IND:
                if (path.x.kind != Value::Kind::header_length) {
                    return {};
                }
                return {.kind = Value::Kind::field,
                        .offset = insn.k,
                        .bytes = bytes_of(insn.code),
                        .behind_header = true};
            default:
                return {};
        }
    }

    void branch(std::size_t at, const Path& path) {
        const bpf_insn& insn = code_[at];
        const std::size_t met = at + 1 + insn.jt;
        const std::size_t unmet = at + 1 + insn.jf;
        for (const bool is_met : {true, false}) {
            Path next = path;
            const std::size_t other = is_met ? unmet : met;
            switch (assume(insn, is_met, next)) {
                case Narrowed::contradiction:
                    continue;
                case Narrowed::no:
                    // If both branches may accept, the other one covers what is left out here.
                    next.is_exact = next.is_exact && accepts_[other];
                    break;
                case Narrowed::yes:
                    break;
            }
            step(is_met ? met : unmet, next);
        }
    }

    /// Applies the condition, met or not, to what is known about the packet.
    static Narrowed assume(const bpf_insn& insn, bool is_met, Path& path) {
        if (BPF_SRC(insn.code) != BPF_K || path.a.kind != Value::Kind::field) {
            return Narrowed::no;
        }
        if (BPF_OP(insn.code) == BPF_JEQ) {
            return is_met ? narrow_to(path.match, path.a, insn.k) : excluded(insn, path);
        }
        // A later fragment has no ports to compare: the kernel program never sees one.
        const bool is_fragment_test = BPF_OP(insn.code) == BPF_JSET && path.a.offset == 6 &&
                                      path.a.bytes == 2 && insn.k == 0x1fff;
        if (is_fragment_test) {
            return is_met ? Narrowed::no : Narrowed::yes;
        }
        PacketMatch::Ports* ports = ports_of(path.match, path.a);
        if (ports == nullptr || BPF_OP(insn.code) == BPF_JSET) {
            return Narrowed::no;
        }
        const std::uint32_t least = insn.k + (BPF_OP(insn.code) == BPF_JGT ? 1 : 0);
        if (is_met) {
            ports->low = static_cast<std::uint16_t>(std::max<std::uint32_t>(ports->low, least));
        } else if (least == 0) {
            return Narrowed::contradiction;
        } else {
            ports->high =
                static_cast<std::uint16_t>(std::min<std::uint32_t>(ports->high, least - 1));
        }
        return ports->low <= ports->high ? Narrowed::yes : Narrowed::contradiction;
    }

    /// Assumes that the field differs from the operand: only informative if the field is known.
    static Narrowed excluded(const bpf_insn& insn, const Path& path) {
        PacketMatch known = path.match;
        const bool is_certain =
            narrow_to(known, path.a, insn.k) == Narrowed::yes && known == path.match;
        return is_certain ? Narrowed::contradiction : Narrowed::no;
    }

    void accept(const Path& path) {
        paths_++;
        found_.is_exact = found_.is_exact && path.is_exact;
        if (path.match == PacketMatch{}) {
            matches_all_ = true;
        } else if (std::ranges::none_of(found_.any_of, [&](const PacketMatch& wider) {
                       return covers(wider, path.match);
                   })) {
            std::erase_if(found_.any_of,
                          [&](const PacketMatch& less) { return covers(path.match, less); });
            found_.any_of.push_back(path.match);
        }
    }

    Code code_;
    std::vector<bool> accepts_;  ///< whether acceptance is reachable from here
    PacketMatches found_{};
    unsigned paths_ = 0;
    bool matches_all_ = false;
};

}  // namespace

Result<PacketMatches> packet_matches(const std::string& expression) {
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> handle(
        pcap_open_dead(DLT_RAW, kSnapLength), &pcap_close);
    bpf_program program{};
    if (!handle ||
        pcap_compile(handle.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
        return fail({.operation = "filter",
                     .object = "'" + expression + "'",
                     .reason = handle ? pcap_geterr(handle.get()) : "out of memory",
                     .hint = "see pcap-filter(7)"});
    }
    Follower follower({program.bf_insns, program.bf_len});
    PacketMatches matches = follower.follow();
    const bool can_match = follower.accepts_something();
    pcap_freecode(&program);
    if (!can_match) {
        return fail({.operation = "filter",
                     .object = "'" + expression + "'",
                     .reason = "no packet can pass it",
                     .hint = "see pcap-filter(7)"});
    }
    return matches;
}

}  // namespace flowstamp::net
