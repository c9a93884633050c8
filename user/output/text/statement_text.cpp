// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/statement_text.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "user/output/text/value_text.h"

namespace flowstamp::output {

using analysis::Phrase;
using analysis::Statement;

namespace {

/// The values that a sentence can name, as text by field name.
using Named = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kClausesMax = 3;  // more would be unreadable; the evidence lists all

/// The signals that have a clause, in the order of phrases.def.
constexpr std::array kClausesOfSignals = {
#define RESET_CLAUSE(signal, text) \
    std::pair<fst_signal, std::string_view>{FST_SIGNAL_##signal, text},
#include "user/output/text/phrases.def"
};

bool is_liveness(fst_signal signal) {
    return (FST_SIGNAL_BIT(signal) & (FST_MASK_LIVENESS | FST_SIGNAL_BIT(FST_SIGNAL_REFUTED))) != 0;
}

/// Whether every field in the pattern has a value.
bool can_fill(std::string_view pattern, const Named& named) {
    for (std::size_t from = pattern.find('{'); from != std::string_view::npos;
         from = pattern.find('{', from + 1)) {
        const std::size_t to = pattern.find('}', from);
        if (!named.contains(pattern.substr(from + 1, to - from - 1))) {
            return false;
        }
    }
    return true;
}

/// The pattern without brackets: a bracketed part with a missing value is left out.
std::string without_gaps(std::string_view pattern, const Named& named) {
    std::string text;
    while (!pattern.empty()) {
        const std::size_t open = pattern.find('[');
        text += pattern.substr(0, open);
        if (open == std::string_view::npos) {
            break;
        }
        const std::size_t close = pattern.find(']', open);
        const std::string_view part = pattern.substr(open + 1, close - open - 1);
        text += can_fill(part, named) ? part : "";
        pattern.remove_prefix(close + 1);
    }
    return text;
}

std::string fill(std::string_view pattern, const Named& named) {
    fmt::dynamic_format_arg_store<fmt::format_context> arguments;
    for (const auto& [name, text] : named) {
        arguments.push_back(fmt::arg(name.c_str(), text));
    }
    return fmt::vformat(without_gaps(pattern, named), arguments);
}

/// "a, b, and c".
std::string listed(const std::vector<std::string>& clauses) {
    std::string text;
    for (std::size_t i = 0; i < clauses.size(); i++) {
        if (i > 0) {
            text += i + 1 < clauses.size() ? ", " : ", and ";
        }
        text += clauses[i];
    }
    return text;
}

std::vector<std::string> clauses_of(std::uint64_t signals, const Named& named) {
    std::vector<std::string> found;
    bool has_liveness = false;
    for (const auto& [signal, pattern] : kClausesOfSignals) {
        if (!(signals & FST_SIGNAL_BIT(signal)) || found.size() == kClausesMax ||
            (is_liveness(signal) && has_liveness)) {
            continue;
        }
        has_liveness = has_liveness || is_liveness(signal);
        found.push_back(fill(pattern, named));
    }
    return found;
}

std::string joined(const analysis::Statements& statements, std::string_view between) {
    std::string text;
    for (const Statement& statement : statements) {
        text += text.empty() ? "" : between;
        text += text_of(statement);
    }
    return text;
}

}  // namespace

std::string_view pattern_of(Phrase phrase) {
    switch (phrase) {
#define PHRASE(id, text) \
    case Phrase::id:     \
        return text;
#include "user/output/text/phrases.def"
    }
    return "";
}

std::string text_of(const Statement& statement) {
    Named named;
    for (const auto& [field, value] : statement.values) {
        named.emplace(analysis::entry_of(field).name, value_text(field, value));
    }
    if (const auto clauses = clauses_of(statement.signals, named); !clauses.empty()) {
        named.emplace("clauses", listed(clauses));
    }
    return fill(pattern_of(statement.phrase), named);
}

std::string summary_text(const analysis::Finding& finding) {
    return joined(finding.summary, " ");
}

std::string advice_text(const analysis::Finding& finding) {
    return joined(finding.advice, "; ");
}

}  // namespace flowstamp::output
