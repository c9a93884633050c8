// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/captures/cases.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/captures/labels.h"
#include "user/analysis/finding.h"

namespace flowstamp::testing {

namespace fs = std::filesystem;

namespace {

bool is_kind(const std::string& name) {
    return std::ranges::any_of(analysis::every_finding_kind(),
                               [&](const auto& kind) { return kind.name == name; });
}

/// "kind", "kind!", "kind~words", each with "*" before it where the list is what must not be said;
/// "*" and "#" alone.
Claim claim_of(const std::string& text) {
    Claim claim{.text = text, .kind = text.substr(0, text.find('~'))};
    if (claim.kind.size() < text.size()) {
        claim.words = text.substr(claim.kind.size() + 1);
    }
    if (claim.kind.ends_with('!')) {
        claim.kind.pop_back();
        claim.only_confirmed = true;
    }
    if (claim.kind.size() > 1 && claim.kind.starts_with('*')) {
        claim.kind.erase(0, 1);
    }
    return claim;
}

/// `alone`: the one word of this list that is no kind. A claim about a kind that does not exist
/// would never be broken, or always.
std::vector<Claim> claims_of(const std::string& list, const std::string& alone,
                             std::string& error) {
    std::vector<Claim> claims;
    std::istringstream entries(list == "-" ? "" : list);
    for (std::string entry; std::getline(entries, entry, ',');) {
        claims.push_back(claim_of(entry));
        if (!is_kind(claims.back().kind) && entry != alone) {
            error += "no kind of finding: '" + entry + "'; ";
        }
    }
    return claims;
}

bool is_said(const Claim& claim, const std::vector<Said>& said, std::uint64_t packets) {
    if (claim.kind == "#") {
        return packets > 0;
    }
    return std::ranges::any_of(said, [&](const Said& finding) {
        return (claim.kind == "*" || claim.kind == finding.kind) &&
               finding.summary.contains(claim.words) &&
               (!claim.only_confirmed || finding.verdict == "confirmed");
    });
}

}  // namespace

std::optional<std::string> cases_folder() {
    const auto captures = captures_folder();
    return captures && fs::exists(*captures + "cases/CASES.tsv")
               ? std::optional(*captures + "cases/")
               : std::nullopt;
}

std::vector<Case> read_cases(std::istream& table) {
    std::vector<Case> cases;
    std::string line;
    std::getline(table, line);  // the columns' names
    while (std::getline(table, line)) {
        std::istringstream cells(line);
        Case read;
        std::string must;
        std::string must_not;
        if (!std::getline(cells, read.name, '\t') || !std::getline(cells, must, '\t') ||
            !std::getline(cells, must_not, '\t') || !std::getline(cells, read.happened)) {
            read.error = "not four columns; ";
        }
        read.must = claims_of(must, "#", read.error);
        read.must_not = claims_of(must_not, "*", read.error);
        if (read.error.empty() && read.must.empty() && read.must_not.empty()) {
            read.error = "claims nothing; ";
        }
        cases.push_back(std::move(read));
    }
    return cases;
}

std::string error_line(const Case& line, const std::vector<Said>& said, std::uint64_t packets) {
    std::string errors = line.error;
    if (errors.empty()) {
        for (const Claim& claim : line.must) {
            errors += is_said(claim, said, packets) ? "" : "not said: " + claim.text + "; ";
        }
        for (const Claim& claim : line.must_not) {
            errors += is_said(claim, said, packets) ? "said: " + claim.text + "; " : "";
        }
    }
    if (errors.empty()) {
        return errors;
    }
    std::string text = line.name + ": " + errors + "of: " + line.happened;
    for (const Said& finding : said) {
        text += "\n    " + finding.verdict + " " + finding.kind + ": " + finding.summary;
    }
    return said.empty() ? text + "\n    no finding" : text;
}

}  // namespace flowstamp::testing
