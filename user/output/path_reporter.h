// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "user/output/sink.h"
#include "user/output/style.h"
#include "user/pathtrace/path_report.h"

namespace flowstamp::output {

/// Sums since the start.
struct PathStats {
    Nanoseconds wall{0};  ///< since 1970
    Nanoseconds uptime{0};
    std::uint64_t packets = 0;  ///< followed
    std::uint64_t flows = 0;
    std::uint64_t left = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
    std::uint64_t unknown = 0;
    std::uint64_t events_lost = 0;
    std::uint64_t not_followed = 0;  ///< more were under way than fit
};

/// Tells where packets come to their end.
class PathReporter {
  public:
    virtual ~PathReporter() = default;
    virtual void report(const pathtrace::PathReport& report) = 0;
    virtual void summary(const PathStats& stats) = 0;
};

/// For people: a block for each. Times are UTC.
class PathText final : public PathReporter {
  public:
    /// `losses_only`: what arrives where it should is not told.
    PathText(Output& output, Style style, bool losses_only)
        : output_(output), style_(style), losses_only_(losses_only) {}
    void report(const pathtrace::PathReport& report) override;
    void summary(const PathStats& stats) override;

  private:
    [[nodiscard]] std::string headline(const pathtrace::PathReport& report) const;
    [[nodiscard]] std::string labelled(std::string_view label, std::string_view text) const;

    Output& output_;
    Style style_;
    bool losses_only_;
};

/// For programs: a JSON line for each; docs/events.schema.json describes them.
class PathJson final : public PathReporter {
  public:
    PathJson(Output& output, bool losses_only) : output_(output), losses_only_(losses_only) {}
    void report(const pathtrace::PathReport& report) override;
    void summary(const PathStats& stats) override;

  private:
    Output& output_;
    bool losses_only_;
};

}  // namespace flowstamp::output
