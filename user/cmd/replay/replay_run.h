// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "user/base/result.h"
#include "user/analysis/flow_ends.h"
#include "user/analysis/pipeline.h"
#include "user/net/filter.h"
#include "user/net/capture/capture_reader.h"
#include "user/net/capture/link_layer.h"
#include "user/cmd/replay/replay_datapath.h"
#include "user/analysis/tracking/segment_memory.h"
#include "user/output/reporter.h"

namespace flowstamp::cmd {

/// One capture through the data path, the detectors and a reporter. The clock is the capture's: it
/// stands still where frames go back in time.
class ReplayRun final : private EventSink {
  public:
    /// All of them outlive the run. The path is a fresh one.
    struct Parts {
        net::CaptureReader& capture;
        ReplayPath& path;
        output::Reporter& reporter;
        analysis::PolicySink& policy;  ///< what was learnt goes there: the path, or nowhere
    };
    /// `file` names interfaces of which the capture tells no name. `filter` limits what is told.
    ReplayRun(const Parts& parts, std::string file, std::optional<net::Filter> filter);

    /// Replays the next frame. False at the end. An Error is the capture's or the data path's; call
    /// finish() nevertheless.
    [[nodiscard]] Result<bool> step();

    /// Tells what is still open, findings and flows, and returns the sums. The report's last word is
    /// the caller's.
    [[nodiscard]] Result<output::Stats> finish();

  private:
    void event(const fst_event& event, const fst_flow* flow) override;
    [[nodiscard]] Status replay(const net::CapturedFrame& frame);
    /// Compares the frame's data with what came before.
    void remember_data(std::span<std::uint8_t> bytes, std::uint32_t ifindex);
    void set_clock(Nanoseconds wall);
    void scan();
    void report(std::uint32_t slot, const fst_flow& flow, analysis::FlowEnd end);
    [[nodiscard]] std::string name_of(std::uint32_t ifindex) const;

    Parts parts_;
    std::string file_;
    analysis::FlowEnds ends_;
    analysis::Pipeline pipeline_;
    net::FrameShaper shaper_;
    analysis::SegmentMemory segments_;
    std::optional<analysis::OtherBytes> other_bytes_;  ///< of the frame being replayed
    std::uint64_t frame_ = 0;                ///< number of the frame being replayed
    Nanoseconds wall_{0};                    ///< its own time
    Nanoseconds now_{0};                     ///< as the data path has it; 0: no frame came yet
    Nanoseconds begun_{0};
    Nanoseconds scan_due_{0};
    std::uint32_t next_slot_ = 0;
    std::uint32_t scan_credit_ = 0;  ///< slots that may be looked at
    std::uint64_t cut_ = 0;          ///< frames without a whole link header
    std::optional<std::uint32_t> unknown_link_;
};

}  // namespace flowstamp::cmd
