// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/words.h"

#include <fmt/format.h>

namespace flowstamp::output {

std::string_view text_of(fst_verdict verdict) {
    switch (verdict) {
        case FST_VERDICT_CONFIRMED:
            return "confirmed forged";
        case FST_VERDICT_PROVEN:
            return "proven forged";
        case FST_VERDICT_SUSPECTED:
            return "suspected forged";
        case FST_VERDICT_GENUINE:
            break;
    }
    return "genuine";
}

std::string_view text_of(fst_cause cause) {
    switch (cause) {
#define FST_CAUSE(name, value, json_name, words, reset, recognised_by) \
    case FST_CAUSE_##name:                                             \
        return words;
#include "flowstamp/causes.def"
    }
    return "";
}

std::string_view text_of(fst_pass_reason reason) {
    switch (reason) {
        case FST_PASS_NOT_SUSPECT:
            return "not suspicious";
        case FST_PASS_NOT_ACTING:
            return "observe only";
        case FST_PASS_UNKNOWN_FLOW:
            return "the flow is not known";
        case FST_PASS_ANSWER:
            return "it answers the challenge";
        case FST_PASS_TOO_MANY:
            return "challenged or dropped too often on this flow";
        case FST_PASS_RESET_REPEATED:
            return "its sender reset again after a drop";
        case FST_PASS_SYN_SENT:
            return "a connection that is just opening sends no challenge ACK";
        case FST_PASS_SEQUENCE:
            return "the stack would not accept it, or its place in the stream is not known";
        case FST_PASS_EGRESS_UNSEEN:
            return "the other direction does not pass here";
        case FST_PASS_REWRITE:
            return "the kernel did not let it be made into a challenge";
        case FST_PASS_CLOSED:
            return "the flow was closed already";
        case FST_PASS_TUNNEL:
            return "it came in a tunnel, where it is not challenged";
        case FST_PASS_OPTIONS:
            return "it has a TCP option that no challenge may bear: Multipath TCP, or a signature";
    }
    return "not known";
}

std::string headline_text(const analysis::Finding& finding) {
    const bool is_reset = finding.kind == analysis::FindingKind::forged_rst;
    return fmt::format("{} {}", analysis::name_of(finding.verdict),
                       is_reset ? "forged reset" : analysis::name_of(finding.kind));
}

}  // namespace flowstamp::output
