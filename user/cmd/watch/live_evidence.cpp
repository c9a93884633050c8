// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/live_evidence.h"

#include <utility>
#include <variant>

#include "user/net/packet_headers.h"
#include "user/net/packet_stamp.h"

namespace flowstamp::cmd {

namespace {

constexpr std::uint16_t kRawIp = 101;  // LINKTYPE_RAW

std::uint32_t place_of(std::uint32_t ifindex, std::uint8_t hook) {
    constexpr unsigned kHookBits = 2;
    return ifindex << kHookBits | hook;
}

template <class Headers>
std::vector<std::uint8_t> headers_of(const fst_packet_stamp& stamp) {
    const Headers headers(net::header_fields(stamp));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&headers);
    return {bytes, bytes + sizeof(headers)};
}

}  // namespace

LiveEvidence::LiveEvidence(output::EvidenceFolder folder,
                           const std::optional<net::AddressAnonymizer>& anonymizer)
    : recorder_(
          std::move(folder), true,
          [this](std::string_view line) {
              const std::lock_guard guard(mutex_);
              notices_.emplace_back(line);
          },
          anonymizer) {}

void LiveEvidence::consume(const output::Event& event) {
    if (const auto* finding = std::get_if<analysis::Finding>(&event)) {
        const std::lock_guard guard(mutex_);
        findings_.push_back(*finding);
        has_findings_ = true;
    }
}

std::vector<std::string> LiveEvidence::take_notices() {
    const std::lock_guard guard(mutex_);
    return std::exchange(notices_, {});
}

Status LiveEvidence::finish() {
    take_findings();
    return recorder_.finish();
}

void LiveEvidence::add(const output::StampPlace& place) {
    recorder_.set_place(place_of(place.ifindex, static_cast<std::uint8_t>(place.hook)),
                        {.interface = place.interface,
                         .description = output::description_of(place),
                         .link_type = kRawIp,
                         .hook = place.hook});
}

void LiveEvidence::keep(std::span<const fst_packet_stamp> stamps) {
    take_findings();
    for (const fst_packet_stamp& stamp : stamps) {
        const fst_packet packet = net::packet_of(stamp);
        output::KeptPacket kept = output::kept(packet, ++number_);
        kept.place = place_of(stamp.ifindex, fst_stamp_hook(&stamp));
        kept.original = stamp.header_words * 4U + stamp.payload;
        kept.bytes = stamp.flags & FST_STAMP_IPV6 ? headers_of<net::Ipv6Headers>(stamp)
                                                  : headers_of<net::Ipv4Headers>(stamp);
        recorder_.keep(packet.key, std::move(kept));
    }
}

void LiveEvidence::advance(Nanoseconds monotonic) {
    take_findings();
    recorder_.advance(monotonic);
}

void LiveEvidence::take_findings() {
    if (!has_findings_.load(std::memory_order_relaxed)) {
        return;
    }
    std::vector<analysis::Finding> findings;
    {
        const std::lock_guard guard(mutex_);
        findings = std::exchange(findings_, {});
        has_findings_ = false;
    }
    for (analysis::Finding& finding : findings) {
        recorder_.consume(output::Event(std::move(finding)));
    }
}

}  // namespace flowstamp::cmd
