// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/coverage.h"

namespace flowstamp::analysis::compare {

bool Tally::is_lossy() const {
    constexpr std::uint64_t kShare = 100;
    return lacks * kShare > has;
}

std::string_view name_of(Unjudged reason) {
    switch (reason) {
        case Unjudged::no_clock:
            return "no-clock";
        case Unjudged::direction_unseen:
            return "direction-unseen";
        case Unjudged::not_running:
            return "not-running";
        case Unjudged::capture_incomplete:
            return "capture-incomplete";
        case Unjudged::too_few_packets:
            return "too-few-packets";
        case Unjudged::ambiguous:
            return "ambiguous";
        case Unjudged::ports_reused:
            break;
    }
    return "ports-reused";
}

bool Coverage::is_lossy() const {
    return is_known_incomplete || as_sender.is_lossy() || as_receiver.is_lossy();
}

bool Coverage::is_complete(const Tally& direction) const {
    return as_sender.lacks == 0 && as_receiver.lacks == 0 && !is_known_incomplete &&
           (is_known_complete || direction.has >= kEnough);
}

}  // namespace flowstamp::analysis::compare
