// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/open_challenges.h"

#include <algorithm>
#include <iterator>

#include "flowstamp/evidence.h"
#include "flowstamp/packet.h"

namespace flowstamp::analysis {

namespace {

/// Two round trips between both ends, as they were when the RST came.
Nanoseconds first_wait(const fst_flow& flow) {
    const std::uint64_t rtt_us =
        std::uint64_t{flow.direction[0].min_rtt_us} + flow.direction[1].min_rtt_us;
    return std::max<Nanoseconds>(OpenChallenges::kLeastWait, std::chrono::microseconds(2 * rtt_us));
}

/// Whether an answer is still awaited, as the data path sees it: nobody has upheld the RST, its sender has shown no
/// sign of life, and the connection has not ended otherwise.
bool is_unanswered(const fst_flow& flow, unsigned sender) {
    constexpr std::uint32_t kFins = FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1);
    constexpr std::uint32_t kResets = FST_OF(FST_FLOW_RST, 0) | FST_OF(FST_FLOW_RST, 1);
    return (flow.reset_flags[sender] & (FST_RESET_CHALLENGED | FST_RESET_ALIVE)) ==
               FST_RESET_CHALLENGED &&
           (flow.state & kFins) != kFins && (flow.state & kResets) == 0;
}

}  // namespace

/// A later RST of the same end moves nothing: who sends resets on and on could put the question off.
void OpenChallenges::observe(const fst_event& event, const fst_flow* flow) {
    if (event.header.kind != FST_EVENT_RST || flow == nullptr ||
        event.judgement.challenge != FST_CHALLENGE_ASKED || open_.size() >= kMost ||
        (event.packet.flags & FST_PACKET_VLAN) != 0) {  // the tag is not known
        return;
    }
    const Nanoseconds wait = first_wait(*flow);
    const Nanoseconds came{static_cast<Nanoseconds::rep>(event.packet.time_ns)};
    open_.try_emplace({view_of(event), event.packet.direction & 1U},
                      Open{.due = came + wait, .wait = wait, .left = kTimes});
}

std::vector<OpenChallenges::Question> OpenChallenges::take_due(Nanoseconds now,
                                                               const SlotReader& slots) {
    std::vector<Question> questions;
    for (auto place = open_.begin(); place != open_.end();) {
        const auto next = std::next(place);
        const auto& [view, sender] = place->first;
        Open& open = place->second;
        if (open.due <= now) {
            const std::optional<fst_flow> flow = slots.SlotReader::read(view);
            const bool asks = flow && is_unanswered(*flow, sender);
            if (asks) {
                questions.push_back({.flow = *flow, .sender = sender});
                open.wait *= 2;
                open.due = now + open.wait;
            }
            if (!asks || --open.left == 0) {
                open_.erase(place);
            }
        }
        place = next;
    }
    return questions;
}

}  // namespace flowstamp::analysis
