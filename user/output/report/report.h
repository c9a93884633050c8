// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a report page contains, before it is a page.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flowstamp/flow.h"
#include "user/analysis/finding.h"
#include "user/base/clock.h"
#include "user/output/report/flow_trace.h"
#include "user/output/report/ladder.h"

namespace flowstamp::output {

/// One latest stamp of a flow's direction: what JSON lines have in place of packets.
struct TracedStamp {
    std::string time{};           ///< as in JSON: "2026-11-20T12:00:00.123456+0000"
    bool is_from_sender = false;  ///< of the packet that the entry is about
    std::uint8_t ttl = 0;
    std::optional<std::uint16_t> ip_id{};
    std::uint8_t tcp_flags = 0;
};

/// A finding, or a doubted reset that no finding is about, in words.
struct ReportEntry {
    std::size_t source = 0;  ///< index of Report::sources
    std::uint64_t id = 0;    ///< of the finding or reset, unique in its source
    bool is_reset = false;   ///< a doubted reset
    std::string kind{};      ///< as in JSON
    std::string verdict{};   ///< as in JSON
    std::string headline{};
    std::string time{};  ///< as in JSON
    std::string from{};  ///< "203.0.113.2:80"
    std::string to{};
    std::string interface{};
    std::optional<std::uint64_t> frame{};
    std::string summary{};
    std::pair<std::string, std::string> evidence_titles{};
    /// Strength, signal, what was observed, the baseline.
    std::vector<std::array<std::string, 4>> evidence{};
    std::vector<std::pair<std::string, std::string>>
        details{};  ///< label, text: outcome, next, ...

    std::uint64_t flow_id = 0;
    fst_flow_key key{};                 ///< of a capture: whose packets are drawn
    std::vector<TracedStamp> stamps{};  ///< of JSON lines
};

/// A flow's drawing.
struct ReportFlow {
    std::size_t source = 0;
    std::uint64_t flow_id = 0;
    fst_flow_key key{};
    Nanoseconds from{Nanoseconds::min()};  ///< its first packet is not before, since 1970
    Nanoseconds to{Nanoseconds::max()};    ///< its last packet
    std::vector<std::size_t> entries{};    ///< that are about it
    std::optional<FlowTrace> trace{};
    std::optional<Ladder> ladder{};  ///< of a comparison, in place of lanes
};

/// What entries are about.
struct ReportSource {
    std::string name{};
    std::string capture{};  ///< path of the file with its packets; empty: known from JSON lines
};

/// What a comparison of two captures rests on.
struct ReportComparison {
    std::string conclusion{};
    std::vector<std::pair<std::string, std::string>> rows{};  ///< label, text
};

struct Report {
    std::string made_by{};  ///< program and version
    std::vector<ReportSource> sources{};
    std::vector<ReportEntry> entries{};
    std::vector<ReportComparison> comparisons{};
    std::vector<ReportFlow> flows{};  ///< those that are drawn
    std::vector<std::string> incidents{};
    std::vector<std::string> boxes{};
    std::vector<std::string> totals{};    ///< a block of lines a source
    std::vector<std::string> left_out{};  ///< what the page lacks, a sentence each
};

}  // namespace flowstamp::output
