// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "user/analysis/stats.h"
#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/kernel/attach/probe.h"
#include "user/net/filter.h"
#include "user/output/stamps/stamp_file.h"

namespace flowstamp::cmd {

/// Writes packets' stamps to a file while the watch goes on, in a thread of its own: a slow disk
/// then costs stamps, not judgements.
class StampRecorder {
  public:
    struct Wanted {
        output::StampFile file;
        std::optional<net::Filter> filter{};  ///< what to write; nothing: everything
    };

    /// Makes the file: before anything is attached, as its name may be wrong. `filter` in tcpdump's
    /// syntax; empty: everything.
    [[nodiscard]] static Result<Wanted> want(const std::string& path, const std::string& filter);

    /// `probe` is loaded with stamps, and outlives the recorder.
    [[nodiscard]] static Result<StampRecorder> start(Wanted wanted, kernel::AttachedProbe& probe,
                                                     const WallTime& wall);

    StampRecorder(StampRecorder&&) noexcept;
    StampRecorder& operator=(StampRecorder&&) noexcept;
    ~StampRecorder();

    /// Why no more is written; once, nothing is recorded any more.
    [[nodiscard]] Status health() const;

    /// When the probe is detached: writes what is still on its way, and ends.
    [[nodiscard]] Status finish();

    /// `lost` is not known here: the kernel counts it.
    [[nodiscard]] analysis::StampTally tally() const;
    /// Records of another version.
    [[nodiscard]] std::uint64_t unread() const;

  private:
    class Run;
    explicit StampRecorder(std::unique_ptr<Run> run);
    std::unique_ptr<Run> run_;
};

}  // namespace flowstamp::cmd
