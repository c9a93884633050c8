// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/evidence/packet_comments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "flowstamp/hops.h"
#include "user/base/time_text.h"
#include "user/net/endpoint.h"
#include "user/output/text/counted.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/value_text.h"

namespace flowstamp::output {

namespace {

using analysis::Field;
using analysis::Finding;
using analysis::FindingKind;
using analysis::Values;

bool is_reset(const KeptPacket& packet) {
    return !packet.is_icmp && (packet.tcp_flags & FST_TCP_RST) != 0;
}

/// Whether the finding is that another than its alleged sender made the packet: then that one's
/// own packets are what to compare it with.
bool is_about_origin(const Finding& finding) {
    return finding.kind == FindingKind::forged_rst || finding.kind == FindingKind::injected_segment;
}

std::string_view label_of(const Finding& finding) {
    return finding.kind == FindingKind::forged_rst && finding.verdict >= FST_VERDICT_CONFIRMED
               ? "FORGED"
               : analysis::name_of(finding.kind);
}

template <class T>
std::optional<T> value_of(const std::optional<Values>& values, Field field) {
    const analysis::Value* value = values ? values->find(field) : nullptr;
    return value != nullptr ? std::optional(std::get<T>(*value)) : std::nullopt;
}

/// Comments by packet.
class Comments {
  public:
    Comments(const Finding& finding, std::span<const KeptPacket> packets, std::string_view capture)
        : finding_(finding),
          packets_(packets),
          capture_(capture),
          texts_(packets.size()),
          subject_(subject_of(finding, packets)),
          sender_(finding.sighting.packet.direction & 1U) {}

    [[nodiscard]] std::vector<std::vector<std::string>> all() && {
        if (subject_ != nullptr) {
            add_finding();
        }
        add_gaps();
        return std::move(texts_);
    }

  private:
    void add(const KeptPacket& packet, std::string text) {
        texts_[index(packet)].push_back(std::move(text));
    }

    void add_finding() {
        const std::string place =
            capture_.empty() ? ""
                             : fmt::format(" It is frame {} of {}.", subject_->number, capture_);
        add(*subject_, fmt::format("{}: {}{}", label_of(finding_), summary_text(finding_), place));
        for (const analysis::Evidence& evidence : finding_.evidence) {
            add(evidence);
        }
        if (is_about_origin(finding_)) {
            add_baseline();
            add_next();
        }
    }

    void add_gaps() {
        for (std::size_t i = 1; i < packets_.size(); i++) {
            const std::uint64_t before = packets_[i - 1].nth + 1;
            if (packets_[i].nth > before) {
                texts_[i].insert(texts_[i].begin(),
                                 fmt::format("left out before this packet: {} of its connection",
                                             counted(packets_[i].nth - before, "packet")));
            }
        }
    }

    /// On the subject, and on the packet that stands beside it, if the evidence is about one.
    void add(const analysis::Evidence& evidence) {
        const std::string what = fmt::format("{} ({})", analysis::name_of(evidence.signal),
                                             analysis::name_of(evidence.strength));
        const KeptPacket* other = beside(evidence.baseline);
        std::vector<std::string> values;
        if (!evidence.observed.empty()) {
            values.push_back(values_text(evidence.observed));
        }
        if (evidence.baseline) {
            values.push_back(fmt::format("{}: {}",
                                         other != nullptr ? place_of(*other) : "to compare with",
                                         values_text(*evidence.baseline)));
        }
        add(*subject_, fmt::format("{}: {}", what, fmt::join(values, "; ")));
        if (other != nullptr) {
            add(*other, fmt::format("{} against {}: {}", what, place_of(*subject_),
                                    values_text(*evidence.baseline)));
        }
    }

    /// The other packet that this baseline holds, by its frame or its time.
    [[nodiscard]] const KeptPacket* beside(const std::optional<Values>& baseline) const {
        if (const auto frame = value_of<std::uint64_t>(baseline, Field::frame)) {
            return find([&](const KeptPacket& its) { return its.number == *frame; });
        }
        std::optional<Nanoseconds> apart = value_of<Nanoseconds>(baseline, Field::later);
        if (const auto earlier = value_of<Nanoseconds>(baseline, Field::earlier)) {
            apart = -*earlier;
        }
        if (!apart) {
            return nullptr;
        }
        const auto ip_id = value_of<std::uint64_t>(baseline, Field::ip_id);
        return find([&](const KeptPacket& its) {
            // Stamps are in microseconds.
            return std::chrono::abs(its.time - subject_->time - *apart) <
                       std::chrono::microseconds(1) &&
                   &its != subject_ && (!ip_id || its.ip_id == *ip_id);
        });
    }

    template <class Is>
    [[nodiscard]] const KeptPacket* find(const Is& is) const {
        const auto its = std::ranges::find_if(packets_, is);
        return its != packets_.end() ? &*its : nullptr;
    }

    /// Whether it fits what the flow knows of the alleged sender.
    [[nodiscard]] bool is_its_own(const KeptPacket& packet) const {
        return packet.sender == sender_ && !packet.is_icmp && !is_reset(packet) &&
               std::ranges::count(finding_.slot.direction[sender_].ttl, packet.ttl) != 0;
    }

    [[nodiscard]] Values look_of(const KeptPacket& packet) const {
        const bool is_v4 = net::sender_of(finding_.sighting.packet).is_v4();
        return {analysis::field::ttl(packet.ttl), analysis::field::hops(fst_hops(packet.ttl)),
                analysis::field::ip_id(is_v4 ? std::optional<std::uint64_t>(packet.ip_id)
                                             : std::nullopt)};
    }

    /// The alleged sender's first packet, and the latest before the subject.
    void add_baseline() {
        const KeptPacket* latest = nullptr;
        for (const KeptPacket& packet : packets_) {
            if (packet.number >= subject_->number || !is_its_own(packet)) {
                continue;
            }
            if (latest == nullptr) {
                add_baseline(packet);
            }
            latest = &packet;
        }
        if (latest != nullptr && texts_[index(*latest)].empty()) {
            add_baseline(*latest);
        }
    }
    void add_baseline(const KeptPacket& packet) {
        add(packet, fmt::format("baseline: the packets of {} look like this: {}", sender_ip(),
                                values_text(look_of(packet))));
    }

    /// What came from the alleged sender next, whether or not it is evidence.
    void add_next() {
        const KeptPacket* next = find([this](const KeptPacket& packet) {
            return packet.number > subject_->number && is_its_own(packet);
        });
        if (next != nullptr && texts_[index(*next)].empty()) {
            add(*next, fmt::format("after {}: this came from {} {} later: {}", place_of(*subject_),
                                   sender_ip(), duration_text(next->time - subject_->time),
                                   values_text(look_of(*next))));
        }
    }

    [[nodiscard]] std::size_t index(const KeptPacket& packet) const {
        return static_cast<std::size_t>(&packet - packets_.data());
    }
    /// As whoever reads the file counts.
    [[nodiscard]] std::string place_of(const KeptPacket& packet) const {
        return fmt::format("packet {} of this file", index(packet) + 1);
    }
    [[nodiscard]] std::string sender_ip() const {
        return net::sender_of(finding_.sighting.packet).ip_text();
    }

    const Finding& finding_;
    std::span<const KeptPacket> packets_;
    std::string_view capture_;
    std::vector<std::vector<std::string>> texts_;
    const KeptPacket* subject_;
    unsigned sender_;
};

}  // namespace

const KeptPacket* subject_of(const analysis::Finding& finding,
                             std::span<const KeptPacket> packets) {
    const analysis::Sighting& its = finding.sighting;
    const auto found = std::ranges::find_if(packets, [&](const KeptPacket& packet) {
        return its.frame
                   ? packet.number == *its.frame
                   : packet.time == its.time() && packet.sender == (its.packet.direction & 1U);
    });
    return found != packets.end() ? &*found : nullptr;
}

std::vector<std::vector<std::string>> comments_on(const analysis::Finding& finding,
                                                  std::span<const KeptPacket> packets,
                                                  std::string_view capture) {
    return Comments(finding, packets, capture).all();
}

}  // namespace flowstamp::output
