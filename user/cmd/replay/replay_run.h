// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "user/analysis/session.h"
#include "user/analysis/tracking/segment_memory.h"
#include "user/base/result.h"
#include "user/cmd/replay/damaged_segments.h"
#include "user/cmd/replay/packet_evidence.h"
#include "user/cmd/replay/replay_datapath.h"
#include "user/net/capture/capture_reader.h"
#include "user/net/capture/link_layer.h"
#include "user/net/filter.h"
#include "user/output/event.h"

namespace flowstamp::cmd {

/// One capture through the data path and the analysis. The clock is the capture's: it stops
/// while frames go back in time.
class ReplayRun final : private EventSink {
  public:
    /// All of these outlive the run. The data path must be new.
    struct Dependencies {
        net::CaptureReader& capture;
        ReplayPath& datapath;
        output::Consumer& output;
        analysis::PolicySink& policy;        ///< takes learned signatures: the data path, or nobody
        PacketEvidence* evidence = nullptr;  ///< receives the packets; null: nobody does
    };
    /// `file` names interfaces that the capture does not name. `filter` limits what is reported.
    ReplayRun(const Dependencies& dependencies, std::string file,
              std::optional<net::Filter> filter);

    /// Replays the next frame. False at the end. An Error is the capture's or the data path's; call
    /// finish() nevertheless.
    [[nodiscard]] Result<bool> step();

    /// Reports what is still open, findings and flows, and returns the totals. Passing them on as
    /// a Summary is up to the caller.
    [[nodiscard]] Result<analysis::Stats> finish();

  private:
    void event(const fst_event& event, const fst_flow* flow) override;
    /// As evidence: the frame being replayed, as what `packet` says of it.
    void keep(const fst_packet& packet, bool is_icmp);
    [[nodiscard]] Status replay(const net::CapturedFrame& frame);
    /// Compares the segment's data with what came before.
    [[nodiscard]] std::optional<analysis::OtherBytes> compare_data(
        const fst_packet& packet, std::span<const std::uint8_t> bytes);
    [[nodiscard]] std::string name_of(std::uint32_t ifindex) const;

    Dependencies dependencies_;
    std::string file_;
    output::SessionReports reports_;
    analysis::Session session_;
    net::FrameShaper shaper_;
    analysis::SegmentMemory segments_;
    analysis::Session::Frame frame_{};        ///< the one being replayed
    std::span<const std::uint8_t> shaped_{};  ///< its bytes, as the data path reads them
    std::uint32_t original_ = 0;  ///< its length on the wire; 0: not that of an Ethernet frame
    Nanoseconds time_{0};         ///< of the frame
    Nanoseconds now_{0};          ///< on the data path's clock; 0: no frame yet
    DamagedSegments damaged_segments_;
    std::uint64_t damaged_ = 0;  ///< segments with a wrong checksum: passed over
    std::map<std::string, std::uint64_t> unopened_;  ///< frames by what they hold
    std::uint64_t cut_ = 0;                          ///< frames without a whole link header
    std::optional<std::uint32_t> unknown_link_;
};

}  // namespace flowstamp::cmd
