// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/replay_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "user/cmd/replay/parse_frame.h"
#include "user/net/capture/unopened.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

/// Added to the capture's time for the data path's clock: there 0 means "never", and some captures
/// begin in 1970.
constexpr Nanoseconds kAhead = 1000s;

/// Flows that are inspected per frame.
constexpr std::uint32_t kSlotsPerFrame = 1;

}  // namespace

ReplayRun::ReplayRun(const Dependencies& dependencies, std::string file,
                     std::optional<net::Filter> filter)
    : dependencies_(dependencies),
      file_(std::move(file)),
      reports_(dependencies.output),
      session_({.datapath = dependencies.datapath,
                .policy = dependencies.policy,
                .reports = reports_,
                .interface_name = [this](std::uint32_t ifindex) { return name_of(ifindex); }},
               {.filter = std::move(filter),
                .wall_offset = -kAhead,
                .slots_per_advance = kSlotsPerFrame}) {}

Result<bool> ReplayRun::step() {
    const auto frame = dependencies_.capture.next();
    if (!frame) {
        return std::unexpected(frame.error());
    }
    if (!*frame) {
        if (unknown_link_) {
            return fail({.operation = "replay",
                         .object = file_,
                         .reason = fmt::format("link type {} is not known",
                                               net::link_type_text(*unknown_link_)),
                         .hint = "its frames were passed over; capture on another interface"});
        }
        return false;
    }
    const Status replayed = replay(**frame);
    return replayed ? Result<bool>(true) : std::unexpected(replayed.error());
}

Status ReplayRun::replay(const net::CapturedFrame& frame) {
    frame_ = {.number = frame.number, .wall = frame.wall, .other_bytes = {}};
    // A capture's clock may run back, and captures are merged: a flow's gaps are taken by its own
    // packets' times, what is due by the latest time of all.
    time_ = std::max(frame.wall + kAhead, Nanoseconds::zero());
    now_ = std::max(now_, time_);
    // What is due by now is reported before the frame is judged, as in a live watch.
    if (const Status advanced = session_.advance(now_); !advanced) {
        return advanced;
    }
    if (dependencies_.evidence != nullptr) {
        dependencies_.evidence->advance(now_);
    }
    if (!net::knows_link_type(frame.link_type)) {
        unknown_link_ = unknown_link_.value_or(frame.link_type);
        return {};
    }
    const std::span<std::uint8_t> bytes = shaper_.shape(frame);
    if (bytes.empty()) {
        cut_++;
        return {};
    }
    shaped_ = bytes;
    original_ = net::is_ethernet(frame.link_type) ? frame.original : 0;
    const std::uint32_t ifindex = frame.interface + 1;
    if (const auto packet = parse_frame(bytes, ifindex, time_)) {
        if (damaged_segments_.is_damaged(*packet, bytes)) {
            damaged_++;
            return {};
        }
        frame_.other_bytes = compare_data(*packet, bytes);
        keep(*packet, false);
    } else if (const auto name = net::unopened_encapsulation(bytes); !name.empty()) {
        unopened_[std::string(name)]++;
    }
    return dependencies_.datapath.packet({.bytes = bytes, .ifindex = ifindex, .time = time_},
                                         *this);
}

std::optional<analysis::OtherBytes> ReplayRun::compare_data(const fst_packet& packet,
                                                            std::span<const std::uint8_t> bytes) {
    const std::size_t begin =
        std::min<std::size_t>(packet.l4_offset + packet.tcp_header, bytes.size());
    const auto data = bytes.subspan(begin);
    return segments_.record(packet, data.first(std::min<std::size_t>(data.size(), packet.payload)),
                            frame_.number);
}

void ReplayRun::keep(const fst_packet& packet, bool is_icmp) {
    if (dependencies_.evidence == nullptr) {
        return;
    }
    PacketEvidence& evidence = *dependencies_.evidence;
    if (!evidence.knows(packet.key.ifindex)) {
        evidence.set_interface(packet.key.ifindex, name_of(packet.key.ifindex));
    }
    evidence.keep(packet, {.bytes = shaped_, .original = original_, .number = frame_.number},
                  is_icmp);
}

void ReplayRun::event(const fst_event& event, const fst_flow* flow) {
    if (event.header.kind == FST_EVENT_ICMP_ERROR) {
        keep(event.packet, true);
    }
    session_.event(event, flow, &frame_);
}

Result<analysis::Stats> ReplayRun::finish() {
    auto stats = session_.finish();
    if (stats) {
        stats->unopened = unopened_;
        stats->counters[FST_COUNT_CUT] += cut_;
        stats->counters[FST_COUNT_MALFORMED] += damaged_;
    }
    return stats;
}

std::string ReplayRun::name_of(std::uint32_t ifindex) const {
    std::string name = dependencies_.capture.interface_name(ifindex - 1);
    return name.empty() ? file_ : name;
}

}  // namespace flowstamp::cmd
