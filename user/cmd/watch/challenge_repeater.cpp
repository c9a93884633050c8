// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/challenge_repeater.h"

#include "user/net/challenge_frame.h"

namespace flowstamp::cmd {

ChallengeRepeater::ChallengeRepeater(const analysis::SlotReader& slots, Notice notice)
    : slots_(slots), notice_(std::move(notice)) {
    auto frames = kernel::LiveFrames::open();
    if (frames) {
        frames_.emplace(std::move(*frames));
    } else {
        tell(frames.error());
    }
}

void ChallengeRepeater::advance(Nanoseconds now) {
    for (const auto& [flow, sender] : open_.take_due(now, slots_)) {
        const auto frame = net::challenge_frame(flow, sender);
        if (!frame || !frames_) {
            continue;
        }
        if (const Status handed = frames_->hand_up(flow.key.ifindex, *frame); !handed) {
            tell(handed.error());
        }
    }
}

void ChallengeRepeater::tell(const Error& error) {
    if (std::exchange(told_, true)) {
        return;
    }
    Error told = error;
    told.hint = "a challenge whose answer is lost is not asked again";
    notice_(told.message());
}

}  // namespace flowstamp::cmd
