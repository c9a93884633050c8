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

class LiveEvidence;

/// Writes packet stamps to a file, or hands them to the evidence, in its own thread: a slow disk
/// costs stamps, not verdicts.
class StampRecorder {
  public:
    struct Wanted {
        std::optional<output::StampFile> file{};  ///< nothing: none is written
        std::optional<net::Filter> filter{};      ///< what to write; nothing: everything
        LiveEvidence* evidence = nullptr;         ///< gets all of them; null: there is none
    };

    /// Creates the file; to be called before anything is attached, as it may fail. `filter` in
    /// tcpdump's syntax; empty: everything.
    [[nodiscard]] static Result<Wanted> want(const std::string& path, const std::string& filter);

    /// `probe` must be loaded with stamps, and outlives the recorder.
    [[nodiscard]] static Result<StampRecorder> start(Wanted wanted, kernel::AttachedProbe& probe,
                                                     const WallTime& wall);

    StampRecorder(StampRecorder&&) noexcept;
    StampRecorder& operator=(StampRecorder&&) noexcept;
    ~StampRecorder();

    /// The error that ended the recording, if any; nothing is recorded after it.
    [[nodiscard]] Status health() const;

    /// To be called once the probe is detached: writes the stamps not read yet, and ends.
    [[nodiscard]] Status finish();

    /// What the probe is attached to now: interfaces that are new get their names in the file.
    void follow(const std::vector<kernel::Attachment>& attachments);

    /// `lost` is not known here: the kernel counts it.
    [[nodiscard]] analysis::StampTally tally() const;
    /// Records that could not be read, being of another version.
    [[nodiscard]] std::uint64_t unread() const;

  private:
    class Run;
    explicit StampRecorder(std::unique_ptr<Run> run);
    std::unique_ptr<Run> run_;
};

}  // namespace flowstamp::cmd
