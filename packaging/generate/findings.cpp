// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "packaging/generate/findings.h"

#include <fmt/format.h>

#include "packaging/generate/text.h"
#include "user/analysis/finding.h"

namespace flowstamp::packaging {

namespace {

/// The lists are written for Markdown, too, where a name stands in backquotes.
std::string item(std::string_view name, std::string text) {
    std::erase(text, '`');
    return fmt::format("*{}*\n\t{}\n\n", escaped(name), escaped(text));
}

}  // namespace

std::string kinds_section() {
    std::string text;
    for (const analysis::FindingKindEntry& kind : analysis::every_finding_kind()) {
        text += item(kind.name, fmt::format("{}.", kind.meaning));
    }
    return text;
}

std::string causes_section() {
    std::string text;
#define FST_CAUSE(name, value, json_name, words, reset, recognised_by) \
    text += item(json_name, *(recognised_by) == '\0'                   \
                                ? fmt::format("{}.", reset)            \
                                : fmt::format("{}. Recognised by: {}.", reset, recognised_by));
#include "flowstamp/causes.def"
    return text;
}

std::string evidence_section() {
    std::string text;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    text += item(json_name, meaning);
#define FST_FINDING_SIGNAL(name, json_name, strength, meaning) text += item(json_name, meaning);
#include "flowstamp/signals.def"
    return text;
}

}  // namespace flowstamp::packaging
