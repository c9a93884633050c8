// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "user/analysis/aggregator.h"
#include "user/analysis/connection/local_drop.h"
#include "user/analysis/datapath.h"
#include "user/analysis/detector.h"
#include "user/analysis/flow_ends.h"
#include "user/analysis/incidents.h"
#include "user/analysis/reset/middleboxes.h"
#include "user/analysis/tallies.h"
#include "user/analysis/this_host.h"
#include "user/analysis/tracking/tracking.h"
#include "user/net/filter.h"

namespace flowstamp::analysis {

/// The end of a session: its totals.
struct Summary {
    Stats stats{};
};

/// Where a session stands: for a view of it, beside what it reports.
struct Sample {
    Stats stats{};
    std::vector<Incident> incidents{};     ///< open and ended ones, by id
    std::vector<Middlebox> middleboxes{};  ///< by id
};

/// What a session reports.
using Report = std::variant<Reset, Finding, Incident, Middlebox, FlowRecord, Stats, Summary>;

/// Receives what a session reports, in the order in which it becomes known.
class ReportSink {
  public:
    virtual ~ReportSink() = default;
    virtual void consume(Report report) = 0;
};

/// A run of the analysis, live or over a capture: drives events, time, scans of the flow table,
/// flow ends and statistics. The owner of the data path passes its events and the time; all else is
/// the same for both.
class Session final : private FindingSink {
  public:
    /// All outlive the session.
    struct Dependencies {
        Datapath& datapath;
        PolicySink& policy;  ///< receives learned signatures: the data path, or NoPolicy
        ReportSink& reports;
        /// The interface's name by its index.
        std::function<std::string(std::uint32_t ifindex)> interface_name;
        const ThisHost& host = kUnknownHost;
    };
    static constexpr Nanoseconds kScanEvery = std::chrono::milliseconds(100);
    static constexpr std::uint32_t kSlotsPerScan = 8192;  ///< a usual table takes a second
    static constexpr std::uint32_t kSlotsPerPortion = kSlotsPerScan / 8;
    struct Options {
        std::optional<net::Filter> filter{};  ///< limits what is reported, not what is judged
        Nanoseconds wall_offset{0};           ///< added to the data path's clock: time since 1970
        /// Slots that each advance() allows the next scan to visit; one scan visits kSlotsPerScan
        /// at most. A capture of few frames over a long time would otherwise mostly scan.
        std::uint32_t slots_per_advance = kSlotsPerScan;
        bool reports_stats = false;  ///< every kStatsEvery
        /// Between two scans. If advance() is called more often than every kScanEvery, a scan of
        /// fewer slots at a time keeps no event waiting; it then visits kSlotsPerPortion.
        Nanoseconds scan_every = kScanEvery;
    };

    static constexpr Nanoseconds kStatsEvery = std::chrono::seconds(10);

    Session(const Dependencies& dependencies, Options options);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() override;

    /// What only a capture has about a frame.
    struct Frame {
        std::uint64_t number = 0;  ///< from 1
        Nanoseconds wall{0};       ///< its own time stamp, since 1970
        std::optional<OtherBytes> other_bytes{};
    };

    /// An event of the data path. `flow`: the slot that it carries, or null. `frame`: of a capture.
    void event(const fst_event& event, const fst_flow* flow, const Frame* frame = nullptr);
    /// A drop on this host's own path (`watch --path`).
    void host_drop(const HostDrop& drop);
    /// The data path's clock is at `now`; the first call begins the session. Fails if statistics
    /// that are due cannot be read.
    [[nodiscard]] Status advance(Nanoseconds now);
    /// No more events follow: reports open findings and flows, and returns the totals.
    [[nodiscard]] Result<Stats> finish();

    [[nodiscard]] Result<Stats> stats() const;
    [[nodiscard]] Tallies tallies() const;
    /// Fails as stats() does.
    [[nodiscard]] Result<Sample> sample() const;
    /// What is reported from now on; nothing: everything.
    void set_filter(std::optional<net::Filter> filter) { options_.filter = std::move(filter); }
    /// Reports a flow at its end, by its slot.
    void flow_ended(std::uint32_t slot, const fst_flow& flow, FlowEnd end);
    [[nodiscard]] std::vector<net::LearnedSignature> learned() const;

  private:
    void reset(const Reset& reset) override;
    void finding(const Finding& finding) override;
    void observe(Observation observation);
    void scan(std::uint32_t most);
    void mark_learned(std::vector<Middlebox>& boxes) const;
    void report(std::vector<Middlebox> boxes);
    void report(std::vector<Incident> incidents);
    [[nodiscard]] bool wants(const fst_flow_key& key) const;
    [[nodiscard]] bool wants(const fst_packet& packet) const;
    [[nodiscard]] Nanoseconds wall(Nanoseconds time) const { return time + options_.wall_offset; }

    Dependencies dependencies_;
    Options options_;
    Aggregator aggregator_;
    Tracking tracking_;
    std::vector<std::unique_ptr<Detector>> detectors_;
    LocalDrop local_drop_;
    Middleboxes middleboxes_;
    Incidents incidents_;
    FlowEnds ends_;

    std::optional<Nanoseconds> begun_{};
    Nanoseconds now_{0};
    Nanoseconds scanned_{0};
    Nanoseconds stats_due_{0};
    std::uint32_t next_slot_ = 0;
    ResetTallies resets_{};
    FlowTallies flows_{};     ///< of the latest whole scan
    FlowTallies scanning_{};  ///< of the one that goes on
    std::uint32_t slots_allowed_ = 0;
};

}  // namespace flowstamp::analysis
