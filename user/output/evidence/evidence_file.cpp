// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/evidence/evidence_file.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "user/output/evidence/packet_comments.h"
#include "user/output/json/json_output.h"
#include "user/output/pcapng_block.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kHops =
    "Hops are the routers that a packet has passed on its way to where it was captured, estimated "
    "from its TTL.";

/// The capture's name, without the folders of whoever had it.
std::string name_of_capture(const EvidenceCase& its) {
    return std::filesystem::path(its.capture).filename();
}

/// What the file shows, and what it holds.
std::string words_of(const EvidenceCase& its) {
    const std::string packets =
        its.capture.empty()
            ? "rebuilt from their stamps: IP and TCP headers without options, extension headers "
              "and checksums"
            : fmt::format("as in {}, cut to their headers. A packet's id is its frame number there",
                          name_of_capture(its));
    return fmt::format(
        "{} This file: packets of its connection before and after, {}. {} Comments stand on "
        "the packets that matter.",
        summary_text(its.finding), packets, kHops);
}

std::string_view view(const std::vector<std::uint8_t>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Bits 0 and 1 of epb_flags.
enum PacketDirection : std::uint32_t { kInbound = 1, kOutbound = 2 };

/// epb_verdict: its type, then what the program returned.
std::string verdict_of(fst_hook hook, bool is_dropped) {
    enum VerdictType : std::uint8_t { kEbpfTc = 1, kEbpfXdp = 2 };
    const bool is_xdp = hook == FST_HOOK_XDP;
    const std::int64_t returned =
        is_xdp ? (is_dropped ? XDP_DROP : XDP_PASS) : (is_dropped ? TC_ACT_SHOT : TC_ACT_UNSPEC);
    std::string value(1, static_cast<char>(is_xdp ? kEbpfXdp : kEbpfTc));
    value.append(reinterpret_cast<const char*>(&returned), sizeof(returned));
    return value;
}

class File {
  public:
    File(const EvidenceCase& its, const EvidencePlaces& places)
        : case_(its),
          places_(places),
          subject_(subject_of(its.finding, its.packets)),
          offset_(its.finding.sighting.wall - its.finding.sighting.time()) {}

    [[nodiscard]] std::string written() && {
        const std::string json = json_line(json_of(case_.finding), case_.capture);
        const std::string words = words_of(case_);
        const std::array<std::string_view, 2> comments = {words, json};
        append_section(bytes_, comments);
        append_interfaces();
        const auto texts = comments_on(case_.finding, case_.packets, name_of_capture(case_));
        for (std::size_t i = 0; i < case_.packets.size(); i++) {
            append(case_.packets[i], texts[i]);
        }
        return std::move(bytes_);
    }

  private:
    /// Those that packets came by, in order of their numbers: a replay tells them apart likewise.
    void append_interfaces() {
        constexpr std::uint32_t kNoLimit = 0;
        for (const KeptPacket& packet : case_.packets) {
            interfaces_.emplace(packet.place, 0);
        }
        std::uint32_t number = 0;
        for (auto& [place, interface] : interfaces_) {
            const auto known = places_.find(place);
            const EvidencePlace its = known != places_.end() ? known->second : EvidencePlace{};
            append_interface(bytes_, its.link_type, kNoLimit, its.interface, its.description);
            interface = number++;
        }
    }

    void append(const KeptPacket& packet, const std::vector<std::string>& comments) {
        const auto time = static_cast<std::uint64_t>((packet.time + offset_).count());
        PcapngBlock block(bytes_, PcapngBlockType::packet);
        block.number(interfaces_.at(packet.place));
        block.number(static_cast<std::uint32_t>(time >> 32));
        block.number(static_cast<std::uint32_t>(time));
        block.number(static_cast<std::uint32_t>(packet.bytes.size()));
        block.number(packet.original);
        block.bytes(view(packet.bytes));
        for (const std::string& comment : comments) {
            block.option(PcapngOption::comment, comment);
        }
        block.number_option(PcapngOption::packet_id, packet.number);
        const auto place = places_.find(packet.place);
        if (place != places_.end() && place->second.hook) {
            append_hook(block, *place->second.hook, &packet == subject_);
        }
        block.end();
    }

    /// What is known only where the data path had the packet: its direction, and of the finding's
    /// own what became of it.
    void append_hook(PcapngBlock& block, fst_hook hook, bool is_subject) const {
        block.number_option(PcapngOption::packet_flags,
                            std::uint32_t{hook == FST_HOOK_TC_EGRESS ? kOutbound : kInbound});
        if (is_subject) {
            block.option(PcapngOption::packet_verdict,
                         verdict_of(hook, case_.finding.action == FST_ACTION_DROPPED));
        }
    }

    const EvidenceCase& case_;
    const EvidencePlaces& places_;
    const KeptPacket* subject_;
    Nanoseconds offset_;  ///< from the data path's clock to time since 1970
    std::map<std::uint32_t, std::uint32_t> interfaces_;  ///< numbers in the file, by place
    std::string bytes_;
};

}  // namespace

std::string evidence_file(const EvidenceCase& its, const EvidencePlaces& places) {
    return File(its, places).written();
}

}  // namespace flowstamp::output
