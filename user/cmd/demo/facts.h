// SPDX-License-Identifier: Apache-2.0
//
// What a run of `flowstamp watch` reported, read back from its JSON lines: the demo claims nothing
// that does not stand there or was not measured at a socket. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp::cmd::demo {

/// One end of a flow as JSON lines name it.
struct End {
    std::string ip;
    std::uint16_t port = 0;
    bool operator==(const End&) const = default;
};

/// A reset event: what was last told of that reset.
struct ResetFact {
    std::uint64_t id = 0;
    End source, destination;
    std::string verdict;     ///< "genuine", "suspected", "confirmed"
    std::string cause;       ///< "abort", "stateless", ...
    std::string action;      ///< "observed", "challenged", "dropped"
    std::string challenge;   ///< "asked", "upheld", "refuted", "unanswered"; empty: none
    bool is_answer = false;  ///< it answers the challenge of another one
    unsigned hops = 0;       ///< routers between its origin and the watched interface
};

/// The kind of finding that is about a forged reset, as JSON lines name it.
inline constexpr std::string_view kForgedRst = "forged-rst";

/// A finding event: what was last told of that finding.
struct FindingFact {
    std::uint64_t id = 0;
    End source, destination;
    std::string verdict;
    std::string resolution;  ///< "went-on", "ended", "both-ends", ...; empty: open
    std::string summary;
    std::string kind{};              ///< "forged-rst", "stalled", ...
    std::optional<unsigned> hops{};  ///< of the packet that it is about, if it is about one
    /// The distance of what the alleged sender sent before, from the latest of its stamps.
    std::optional<unsigned> sender_hops;
};

struct Facts {
    std::vector<ResetFact> resets;      ///< in the order in which they came
    std::vector<FindingFact> findings;  ///< the same
    std::uint64_t dropped = 0;          ///< by the kernel's counters, as last told
    std::uint64_t challenged = 0;       ///< the same
    unsigned unreadable = 0;            ///< lines that are no JSON or lack what they must have

    /// Those that bear `source` as their sender and, if given, go to that port.
    [[nodiscard]] std::vector<ResetFact> resets_of(const End& source,
                                                   std::optional<std::uint16_t> to = {}) const;
    /// The same of findings of a forged reset.
    [[nodiscard]] const FindingFact* finding_of(const End& source,
                                                std::optional<std::uint16_t> to = {}) const;
};

/// Reads JSON lines; a last line without its end is not there yet.
[[nodiscard]] Facts parse_facts(std::string_view json_lines);

}  // namespace flowstamp::cmd::demo
