// SPDX-License-Identifier: Apache-2.0
#include "user/detect/syn_unanswered.h"

#include <fmt/format.h>

#include "user/base/time_text.h"

namespace flowstamp {

namespace {

constexpr std::size_t kMost = 4096;

std::string summary(const SynBook::Attempt& attempt, bool answered) {
    const fs_packet& syn = attempt.latest.packet;
    const std::string span = duration_text(attempt.latest.time() - attempt.first);
    const std::string asked =
        fmt::format("{} asked {} for a connection {} in {}", sender_of(syn).ip_text(),
                    receiver_of(syn).text(), times_text(attempt.sent), span);
    return answered ? asked + ", and was answered only then." : asked + ", and nothing came back.";
}

}  // namespace

void SynUnanswered::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() != FS_EVENT_SYN) {
        // A SYN's answer, of whatever kind: the book knows it.
        SynBook::Attempt* attempt = observation.kind() == FS_EVENT_ICMP_ERROR
                                        ? book_.of_view(view_of(observation.event))
                                        : book_.answered_by(observation.event.packet);
        if (attempt != nullptr && attempt->answer != SynBook::Answer::none) {
            answer(*attempt, sink);
        }
        return;
    }
    const SynBook::Attempt* attempt = book_.by_seq(observation.event.packet.seq);
    if (attempt == nullptr || attempt->answer != SynBook::Answer::none) {
        return;
    }
    if (attempt->sent >= kEnough) {
        tell(*attempt,
             both_ways_.pass(observation.event.packet.key.ifindex) ? FS_VERDICT_CONFIRMED
                                                                   : FS_VERDICT_SUSPECTED,
             sink);
    } else if (attempt->sent > 1) {
        due_.emplace(observation.time() + kPatience, attempt->seq);
    }
}

void SynUnanswered::tell(const SynBook::Attempt& attempt, fs_verdict verdict, FindingSink& sink) {
    if (told_.size() >= kMost && !told_.contains(attempt.seq)) {
        told_.erase(told_.begin());
    }
    Told& told = told_[attempt.seq];
    const fs_packet& syn = attempt.latest.packet;
    told.finding = Finding{
        .kind = FindingKind::syn_unanswered,
        .verdict = verdict,
        .sighting = attempt.latest,
        .summary = summary(attempt, false),
        .advice = fmt::format(
            "look for a rule that drops without a word, for the SYN on its way to {} or for the "
            "answer on its way back; a host that is down looks the same{}",
            receiver_of(syn).ip_text(),
            both_ways_.pass(syn.key.ifindex)
                ? ""
                : fmt::format("; and no connection has shown both of its directions at {} yet: "
                              "answers may pass elsewhere",
                              attempt.latest.interface)),
        .evidence = {{.signal = "syn-again",
                      .strength = Strength::strong,
                      .packet = fmt::format("SYN sent {}", times_text(attempt.sent)),
                      .baseline = fmt::format(
                          "in {}", duration_text(attempt.latest.time() - attempt.first))},
                     {.signal = "no-answer",
                      .strength = Strength::strong,
                      .packet = "no SYN-ACK, no RST, no ICMP error",
                      .baseline = std::nullopt}},
    };
    told.story.tell(told.finding, findings_, sink);
}

void SynUnanswered::answer(const SynBook::Attempt& attempt, FindingSink& sink) {
    const auto told = told_.find(attempt.seq);
    if (told == told_.end()) {
        return;
    }
    Finding finding = told->second.finding;
    finding.summary = summary(attempt, true);
    finding.advice.clear();
    finding.resolution = Resolution::answered;
    told->second.story.tell(std::move(finding), findings_, sink);
    told_.erase(told);
}

void SynUnanswered::advance(Nanoseconds now, FindingSink& sink) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const std::uint32_t seq = due_.begin()->second;
        due_.erase(due_.begin());
        const SynBook::Attempt* attempt = book_.by_seq(seq);
        if (attempt != nullptr && attempt->answer == SynBook::Answer::none) {
            tell(*attempt, FS_VERDICT_SUSPECTED, sink);
        }
    }
}

/// What was not silent for long enough proves nothing.
void SynUnanswered::finish(FindingSink&) {
    due_.clear();
}

}  // namespace flowstamp
