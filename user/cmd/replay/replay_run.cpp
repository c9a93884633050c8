// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/replay/replay_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bpf/host/datapath.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

/// The data path's clock runs ahead of the capture's by this much, as 0 is "never" there, and some
/// captures begin in 1970.
constexpr Nanoseconds kAhead = 1000s;

constexpr Nanoseconds kScanEvery = 100ms;
constexpr std::uint32_t kScanSlots = 8192;
/// Looks at slots that a frame pays for: a capture of few frames in a long time would else spend its
/// time looking.
constexpr std::uint32_t kLooksPerFrame = 4;

}  // namespace

ReplayRun::ReplayRun(const Parts& parts, std::string file, std::optional<net::Filter> filter)
    : parts_(parts),
      file_(std::move(file)),
      ends_(parts.path.slots()),
      pipeline_({parts.path, parts.policy, parts.reporter}, parts.path.slots(), std::move(filter)) {
}

Result<bool> ReplayRun::step() {
    const auto frame = parts_.capture.next();
    if (!frame) {
        return std::unexpected(frame.error());
    }
    if (!*frame) {
        if (unknown_link_) {
            return fail(
                {.operation = "replay",
                 .object = file_,
                 .reason = fmt::format("link type {} is not known", net::link_type_text(*unknown_link_)),
                 .hint = "its frames were passed over; capture on another interface"});
        }
        return false;
    }
    const Status replayed = replay(**frame);
    return replayed ? Result<bool>(true) : std::unexpected(replayed.error());
}

Status ReplayRun::replay(const net::CapturedFrame& frame) {
    frame_ = frame.number;
    wall_ = frame.wall;
    set_clock(frame.wall);
    if (!net::knows_link_type(frame.link_type)) {
        unknown_link_ = unknown_link_.value_or(frame.link_type);
        return {};
    }
    const std::span<std::uint8_t> bytes = shaper_.shape(frame);
    if (bytes.empty()) {
        cut_++;
        return {};
    }
    const std::uint32_t ifindex = frame.interface + 1;
    remember_data(bytes, ifindex);
    return parts_.path.packet({.bytes = bytes, .ifindex = ifindex, .time = now_}, *this);
}

void ReplayRun::remember_data(std::span<std::uint8_t> bytes, std::uint32_t ifindex) {
    other_bytes_.reset();
    const fst_datapath_frame frame{.data = bytes.data(),
                                  .bytes = static_cast<__u32>(bytes.size()),
                                  .room = 0,
                                  .ifindex = ifindex,
                                  .time_ns = static_cast<__u64>(now_.count()),
                                  .hook = FST_HOOK_XDP,
                                  .has_mac = 1};
    fst_packet packet{};
    if (!fst_datapath_parse(&frame, &packet)) {
        return;
    }
    const std::size_t begin =
        std::min<std::size_t>(packet.l4_offset + packet.tcp_header, bytes.size());
    const auto data = bytes.subspan(begin);
    other_bytes_ = segments_.record(
        packet, data.first(std::min<std::size_t>(data.size(), packet.payload)), frame_);
}

/// What is due by now is told before the frame is judged, as in a live watch.
void ReplayRun::set_clock(Nanoseconds wall) {
    const Nanoseconds now = wall + kAhead;
    if (now_ == Nanoseconds::zero()) {
        begun_ = now;
        scan_due_ = now + kScanEvery;
    }
    scan_credit_ = std::min(scan_credit_ + kLooksPerFrame, kScanSlots);
    if (now <= now_) {
        return;
    }
    now_ = now;
    pipeline_.advance(now_);
    if (now_ >= scan_due_) {
        scan_due_ = now_ + kScanEvery;
        scan();
    }
}

void ReplayRun::scan() {
    next_slot_ = parts_.path.scan(next_slot_, std::exchange(scan_credit_, 0),
                                  [this](std::uint32_t slot, const fst_flow& flow) {
                                      pipeline_.inspect(slot, flow);
                                      if (const auto end = ends_.inspect(slot, flow, now_)) {
                                          report(slot, flow, *end);
                                      }
                                  });
}

void ReplayRun::event(const fst_event& event, const fst_flow* flow) {
    if (flow != nullptr &&
        (event.header.kind == FST_EVENT_EVICTED || event.header.kind == FST_EVENT_ENDED)) {
        const bool evicted = event.header.kind == FST_EVENT_EVICTED;
        if (const auto end = ends_.lost_slot(event.slot, *flow, evicted)) {
            report(event.slot, *flow, *end);
        }
        return;
    }
    analysis::Observation observation;
    observation.event = event;
    if (flow != nullptr) {
        observation.slot = *flow;
    }
    observation.interface = name_of(event.packet.key.ifindex);
    observation.wall = wall_;
    observation.frame = frame_;
    observation.other_bytes = other_bytes_;
    pipeline_.consume(std::move(observation));
}

void ReplayRun::report(std::uint32_t slot, const fst_flow& flow, analysis::FlowEnd end) {
    pipeline_.report({.slot = flow,
                    .slot_index = slot,
                    .interface = name_of(flow.key.ifindex),
                    .end = end,
                    .wall = now_ - kAhead,
                    .start = {},
                    .last = analysis::FlowEnds::last_packet(flow) - kAhead});
}

Result<output::Stats> ReplayRun::finish() {
    pipeline_.finish();
    parts_.path.scan(0, parts_.path.slots(), [this](std::uint32_t slot, const fst_flow& flow) {
        auto end = ends_.inspect(slot, flow, now_);
        if (!end) {
            end = ends_.at_the_end(slot, flow);
        }
        if (end) {
            report(slot, flow, *end);
        }
    });
    auto counters = parts_.path.counters();
    if (!counters) {
        return std::unexpected(counters.error());
    }
    output::Stats stats;
    stats.wall = std::max(now_ - kAhead, Nanoseconds::zero());
    stats.uptime = now_ - begun_;
    stats.counters = *counters;
    stats.counters[FST_COUNT_CUT] += cut_;
    pipeline_.count(stats);
    return stats;
}

std::string ReplayRun::name_of(std::uint32_t ifindex) const {
    std::string name = parts_.capture.interface_name(ifindex - 1);
    return name.empty() ? file_ : name;
}

}  // namespace flowstamp::cmd
