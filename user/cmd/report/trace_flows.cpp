// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "user/cmd/replay/damaged_segments.h"
#include "user/cmd/replay/parse_frame.h"
#include "user/cmd/report/report_sources.h"
#include "user/net/capture/capture_reader.h"
#include "user/net/capture/link_layer.h"

namespace flowstamp::cmd {

namespace {

constexpr std::uint64_t kFramesPerCheck = 256;

/// What a page holds of packets, of each class, and what of it one flow gets.
constexpr std::size_t kPacketsInAll = 12'000;
constexpr std::size_t kPacketsMost = 2000;
constexpr std::size_t kPacketsLeast = 100;

std::string bytes_of(const fst_flow_key& key) {
    std::string bytes(sizeof(key), '\0');
    std::memcpy(bytes.data(), &key, sizeof(key));
    return bytes;
}

/// The flows of one capture that are drawn.
class Tracer {
  public:
    Tracer(output::Report& report, std::size_t source) : report_(report) {
        const std::size_t most =
            std::clamp(kPacketsInAll / std::max<std::size_t>(report.flows.size(), 1), kPacketsLeast,
                       kPacketsMost);
        for (output::ReportFlow& flow : report.flows) {
            if (flow.source == source) {
                flow.trace.emplace(most);
                flows_[bytes_of(flow.key)].push_back(&flow);
            }
        }
    }

    [[nodiscard]] bool empty() const { return flows_.empty(); }

    void add(const net::CapturedFrame& frame) {
        const std::span<std::uint8_t> bytes = net::knows_link_type(frame.link_type)
                                                  ? shaper_.shape(frame)
                                                  : std::span<std::uint8_t>{};
        const auto packet =
            bytes.empty() ? std::nullopt : parse_frame(bytes, frame.interface + 1, frame.wall);
        if (!packet) {
            return;
        }
        // Nothing was judged by what is damaged.
        const bool is_damaged = damaged_.is_damaged(*packet, bytes);
        const auto flows = flows_.find(bytes_of(packet->key));
        if (is_damaged || flows == flows_.end()) {
            return;
        }
        for (output::ReportFlow* flow : flows->second) {
            if (flow->from <= frame.wall && frame.wall <= flow->to) {
                flow->trace->add(*packet, frame.wall, frame.number,
                                 entry_about(*flow, frame.number));
                break;
            }
        }
    }

  private:
    [[nodiscard]] std::optional<std::size_t> entry_about(const output::ReportFlow& flow,
                                                         std::uint64_t frame) const {
        const auto its = std::ranges::find_if(
            flow.entries, [&](std::size_t entry) { return report_.entries[entry].frame == frame; });
        return its == flow.entries.end() ? std::nullopt : std::optional(*its);
    }

    output::Report& report_;
    std::map<std::string, std::vector<output::ReportFlow*>> flows_;  ///< by key
    net::FrameShaper shaper_;
    DamagedSegments damaged_;
};

Status trace(const std::string& file, Tracer& tracer, const IsStopped& is_stopped) {
    auto source = net::open_file(file);
    if (!source) {
        return std::unexpected(source.error());
    }
    const auto capture = net::CaptureReader::open(std::move(*source), net::file_title(file));
    if (!capture) {
        return std::unexpected(capture.error());
    }
    for (std::uint64_t frames = 0; frames % kFramesPerCheck != 0 || !is_stopped(); frames++) {
        const auto frame = (*capture)->next();
        if (!frame || !*frame) {
            break;  // what is damaged was told of when the capture was replayed
        }
        tracer.add(**frame);
    }
    return {};
}

}  // namespace

Status trace_flows(output::Report& report, const IsStopped& is_stopped) {
    for (std::size_t source = 0; source < report.sources.size(); source++) {
        const std::string& capture = report.sources[source].capture;
        if (capture.empty()) {
            continue;
        }
        Tracer tracer(report, source);
        if (!tracer.empty()) {
            if (Status traced = trace(capture, tracer, is_stopped); !traced) {
                return traced;
            }
        }
    }
    return {};
}

}  // namespace flowstamp::cmd
