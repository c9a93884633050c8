// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// CASES.tsv: what must, and what must not, be said of captures of everyday cases.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace flowstamp::testing {

/// One entry of a list in CASES.tsv.
struct Claim {
    std::string text;             ///< as it stands there
    std::string kind;             ///< of a finding; "*": any; "#": packets were counted
    std::string words{};          ///< in its summary; empty: whatever it says
    bool only_confirmed = false;  ///< a suspected finding is not meant
};

/// A line of CASES.tsv.
struct Case {
    std::string name;  ///< of the capture, without ".pcap"
    std::vector<Claim> must{};
    std::vector<Claim> must_not{};
    std::string happened{};  ///< in words
    std::string error{};     ///< why the line cannot be read; empty: it can

    friend void PrintTo(const Case& line, std::ostream* out) { *out << line.name; }
};

/// A finding that was reported on a capture.
struct Said {
    std::string kind;
    std::string verdict;
    std::string summary;
};

/// The folder of these captures, with a trailing slash; nullopt if absent.
[[nodiscard]] std::optional<std::string> cases_folder();

/// A line each, after that of the columns' names.
[[nodiscard]] std::vector<Case> read_cases(std::istream& table);

/// Empty if what was said of a capture agrees with its line, else what does not, and what was said.
[[nodiscard]] std::string error_line(const Case& line, const std::vector<Said>& said,
                                     std::uint64_t packets);

}  // namespace flowstamp::testing
