// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "user/analysis/compare/clock_fit.h"
#include "user/analysis/compare/coverage.h"
#include "user/analysis/finding.h"
#include "user/base/clock.h"

namespace flowstamp::analysis::compare {

/// What is known of one of the two captures.
struct CaptureReport {
    std::string file{};
    std::uint64_t packets = 0;
    std::uint64_t left_out = 0;              ///< beyond Recording::kMost: not compared
    std::uint64_t cut = 0;                   ///< frames that the capture cuts within their headers
    std::optional<std::uint64_t> dropped{};  ///< as it says itself
    Nanoseconds begin{0};                    ///< of its first frame, since 1970 by its own clock
    Nanoseconds end{0};
    Coverage coverage{};
};

/// What the way from one capture to the other does to packets.
struct WayReport {
    std::uint64_t pairs = 0;      ///< packets that both captures show, each once
    std::uint64_t reordered = 0;  ///< of these: received after one that was sent later (RFC 4737)
    std::optional<std::uint8_t> hops{};
    std::uint64_t sent_bytes = 0;  ///< payload, with what was sent again
    std::uint64_t received_bytes = 0;
    struct Delay {
        Nanoseconds least{0};
        Nanoseconds median{0};
        Nanoseconds p95{0};  ///< 95 of 100 are below
        Nanoseconds most{0};
    };
    std::optional<Delay> delay{};  ///< as uncertain as the clock's offset
};

/// Two captures of one path.
struct Comparison {
    std::array<CaptureReport, 2> captures{};
    std::uint64_t joined = 0;  ///< connections that both show
    std::uint64_t only_a = 0;
    std::uint64_t only_b = 0;
    std::optional<ClockFit> clock{};
    std::array<WayReport, 2> ways{};  ///< from A to B, and back
    std::map<Unjudged, std::uint64_t> unjudged{};
    std::uint64_t forged = 0;  ///< ends that got a reset that was never sent
    std::uint64_t injected = 0;
    std::uint64_t eaten = 0;
    std::uint64_t changed = 0;
    /// The first sentence of the gravest finding.
    std::optional<Statement> conclusion{};
};

class Recording;

struct Compared {
    Comparison comparison{};
    std::vector<Finding> findings{};  ///< by time; what is only changed comes last
};

/// Compares them. `first_id`: of the first finding.
[[nodiscard]] Compared compare(const Recording& a, const Recording& b, std::uint64_t first_id = 1);

}  // namespace flowstamp::analysis::compare
