// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a run of `flowstamp watch` reported, parsed from its JSON lines: the demo claims nothing
// that is not there or was not measured at a socket. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp::cmd::demo {

/// One end of a flow, as in JSON lines.
struct End {
    std::string ip;
    std::uint16_t port = 0;
    bool operator==(const End&) const = default;
};

/// The latest reset event about one reset.
struct ResetFact {
    std::uint64_t id = 0;
    End source, destination;
    std::string verdict;     ///< "genuine", "suspected", "confirmed"
    std::string cause;       ///< "abort", "stateless", ...
    std::string action;      ///< "observed", "challenged", "dropped"
    std::string challenge;   ///< "asked", "upheld", "refuted", "unanswered"; empty: none
    bool is_answer = false;  ///< it answers the challenge of another reset
    unsigned hops = 0;       ///< routers between its origin and the watched interface
};

/// The kind of a finding about a forged reset, in JSON lines.
inline constexpr std::string_view kForgedRst = "forged-rst";

/// The latest finding event about one finding.
struct FindingFact {
    std::uint64_t id = 0;
    End source, destination;
    std::string verdict;
    std::string resolution;  ///< "went-on", "ended", "both-ends", ...; empty: open
    std::string summary;
    std::string kind{};              ///< "forged-rst", "stalled", ...
    std::optional<unsigned> hops{};  ///< of the packet that it is about, if any
    /// Distance of the alleged sender's earlier packets, from the latest of its stamps.
    std::optional<unsigned> sender_hops;
};

struct Facts {
    std::vector<ResetFact> resets;      ///< in order of arrival
    std::vector<FindingFact> findings;  ///< the same
    std::uint64_t dropped = 0;          ///< by the kernel's counters, as last reported
    std::uint64_t challenged = 0;       ///< the same
    unsigned unreadable = 0;            ///< lines that are not JSON or lack required fields

    /// Those with the sender `source` and, if given, that destination port.
    [[nodiscard]] std::vector<ResetFact> resets_of(const End& source,
                                                   std::optional<std::uint16_t> to = {}) const;
    /// The same for findings about a forged reset.
    [[nodiscard]] const FindingFact* finding_of(const End& source,
                                                std::optional<std::uint16_t> to = {}) const;
};

/// Parses JSON lines; an incomplete last line is ignored.
[[nodiscard]] Facts parse_facts(std::string_view json_lines);

}  // namespace flowstamp::cmd::demo
