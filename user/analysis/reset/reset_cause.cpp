// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/reset_cause.h"

#include "flowstamp/acceptance_rules.h"

namespace flowstamp::analysis {

namespace {

/// The cause of a RST that was suspicious on arrival, and is upheld.
fst_cause cause_by_shape(const fst_judgement& judgement) {
    if (judgement.context & FST_CONTEXT_TO_SYN) {
        return FST_CAUSE_CLOSED_PORT;
    }
    if (judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_NEARER)) {
        return FST_CAUSE_EDGE;
    }
    return judgement.context & FST_CONTEXT_STATELESS ? FST_CAUSE_STATELESS : FST_CAUSE_ABORT;
}

}  // namespace

fst_cause genuine_cause(const fst_judgement& judgement, const fst_flow& slot,
                        const ResetPast& past) {
    const auto cause = judgement.cause == FST_CAUSE_FORGED
                           ? cause_by_shape(judgement)
                           : static_cast<fst_cause>(judgement.cause);
    const bool corroborated = judgement.signals & FST_SIGNALS_CORROBORATE_GENUINE;
    if (past.scan && cause != FST_CAUSE_OTHER_HOST) {
        return FST_CAUSE_SCAN;
    }
    switch (cause) {
        case FST_CAUSE_AGED_STATE:
            // Valid timestamps: its sender knows the connection, and the window is a coincidence.
            return judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_TIMESTAMPS_VALID) ? FST_CAUSE_ABORT
                                                                                   : cause;
        case FST_CAUSE_IDLE_TIMEOUT:
            return fst_both_fins(slot.state) ? FST_CAUSE_CLOSED : cause;
        case FST_CAUSE_STATELESS:
        case FST_CAUSE_ABORT:
        case FST_CAUSE_UNKNOWN:
            // A stack that still knows the connection has no timeout: the application ended it.
            return past.idle && !corroborated ? FST_CAUSE_IDLE_TIMEOUT : cause;
        default:
            return cause;
    }
}

}  // namespace flowstamp::analysis
