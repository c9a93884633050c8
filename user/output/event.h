// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "user/analysis/compare/comparison.h"
#include "user/analysis/session.h"
#include "user/net/interface_change.h"
#include "user/pathtrace/path_report.h"

namespace flowstamp::output {

/// The following events are about this capture file; empty: about all of them.
struct CaptureStart {
    std::string file{};
};

/// A flow in the table of a running watch (`flowstamp flows`).
struct OpenFlow {
    analysis::FlowRecord record{};
    Nanoseconds offset{0};  ///< added to CLOCK_MONOTONIC: time since 1970
};

/// A signature that a running watch has learned (`flowstamp flows --learned`).
struct LearnedEntry {
    net::LearnedSignature learned{};
    std::string interface;
    std::int32_t pid = 0;  ///< of that watch
};

/// Events that this output does not contain.
struct LeftOut {
    Nanoseconds wall{0};            ///< since 1970
    std::uint64_t above_bound = 0;  ///< since the last such event: more than ByteBudget allows
    std::uint64_t not_taken = 0;    ///< since the last such event: the disk was full, or the like
    std::uint64_t total = 0;        ///< since the start
};

/// Everything that any command can report.
using Event =
    std::variant<CaptureStart, analysis::Reset, analysis::Finding, analysis::Incident,
                 analysis::Middlebox, analysis::FlowRecord, analysis::Stats, analysis::Summary,
                 OpenFlow, LearnedEntry, LeftOut, net::InterfaceChange, pathtrace::PathReport,
                 pathtrace::PathStats, analysis::compare::Comparison>;

/// An output: receives each event, and ignores kinds that it has no format for. The event is
/// written when consume() returns, unless the output is documented to buffer.
class Consumer {
  public:
    virtual ~Consumer() = default;
    virtual void consume(const Event& event) = 0;
    /// Whether it would write anything about such an event.
    [[nodiscard]] virtual bool wants(const Event& /*event*/) const { return true; }
};

/// A visitor made of lambdas.
template <class... Handlers>
struct Handle : Handlers... {
    using Handlers::operator()...;
};

/// Passes what a session reports on to an output.
class SessionReports final : public analysis::ReportSink {
  public:
    /// `consumer` outlives it.
    explicit SessionReports(Consumer& consumer) : consumer_(consumer) {}
    void consume(analysis::Report report) override {
        std::visit(
            [this](auto&& its) { consumer_.consume(Event(std::forward<decltype(its)>(its))); },
            std::move(report));
    }

  private:
    Consumer& consumer_;
};

}  // namespace flowstamp::output
