// SPDX-License-Identifier: Apache-2.0
#include "user/detect/reset_cause.h"

namespace flowstamp {

namespace {

/// Of one that was doubted when it came, and is upheld.
fs_cause cause_by_shape(const fs_judgement& judgement) {
    if (judgement.context & FS_CONTEXT_TO_SYN) {
        return FS_CAUSE_CLOSED_PORT;
    }
    if (judgement.signals & FS_SIGNAL_BIT(FS_SIGNAL_NEARER)) {
        return FS_CAUSE_EDGE;
    }
    return judgement.context & FS_CONTEXT_STATELESS ? FS_CAUSE_STATELESS : FS_CAUSE_ABORT;
}

bool both_ended(const fs_flow& slot) {
    constexpr std::uint32_t kBoth = FS_OF(FS_FLOW_FIN, 0) | FS_OF(FS_FLOW_FIN, 1);
    return (slot.state & kBoth) == kBoth;
}

}  // namespace

fs_cause genuine_cause(const fs_judgement& judgement, const fs_flow& slot, const ResetPast& past) {
    const auto cause = judgement.cause == FS_CAUSE_FORGED ? cause_by_shape(judgement)
                                                          : static_cast<fs_cause>(judgement.cause);
    const bool vouched = judgement.signals & FS_SIGNALS_VOUCHERS;
    if (past.scan && cause != FS_CAUSE_OTHER_HOST) {
        return FS_CAUSE_SCAN;
    }
    switch (cause) {
        case FS_CAUSE_AGED_STATE:
            // Right timestamps are kept by who still knows the connection: its window is chance.
            return judgement.signals & FS_SIGNAL_BIT(FS_SIGNAL_VOUCH_TS) ? FS_CAUSE_ABORT : cause;
        case FS_CAUSE_IDLE_TIMEOUT:
            return both_ended(slot) ? FS_CAUSE_CLOSED : cause;
        case FS_CAUSE_STATELESS:
        case FS_CAUSE_ABORT:
        case FS_CAUSE_UNKNOWN:
            // A stack that knows the connection has not forgotten it: the application ended it.
            return past.rest && !vouched ? FS_CAUSE_IDLE_TIMEOUT : cause;
        default:
            return cause;
    }
}

}  // namespace flowstamp
