// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/watch_tally.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "user/analysis/names.h"
#include "user/output/text/cleaned.h"
#include "user/output/text/counted.h"
#include "user/output/text/interface_text.h"

namespace flowstamp::output {

std::string genuine_text(const JudgedResets& resets) {
    std::vector<std::pair<fst_cause, std::uint64_t>> causes(resets.causes.begin(),
                                                            resets.causes.end());
    std::ranges::stable_sort(causes, std::ranges::greater{},
                             &std::pair<fst_cause, std::uint64_t>::second);
    std::string text;
    for (const auto& [cause, count] : causes) {
        if (count != 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count),
                                analysis::name_of(cause));
        }
    }
    return text;
}

std::string tally_text(const JudgedResets& resets) {
    const std::string causes = genuine_text(resets);
    return fmt::format("{} genuine{}, {} suspected forged, {} confirmed forged",
                       grouped(resets.verdicts[FST_VERDICT_GENUINE]),
                       causes.empty() ? "" : fmt::format(" ({})", causes),
                       grouped(resets.verdicts[FST_VERDICT_SUSPECTED]),
                       grouped(resets.verdicts[FST_VERDICT_CONFIRMED]));
}

void WatchTally::consume(const Event& event) {
    std::visit(Handle{[this](const analysis::Reset& its) { reset(its); },
                      [this](const analysis::Finding& its) {
                          if (its.stands_for_incident) {
                              finding(std::get<analysis::Finding>(cleaned(its)));
                          }
                      },
                      [this](const net::InterfaceChange& its) {
                          const auto change = std::get<net::InterfaceChange>(cleaned(its));
                          note({.wall = change.wall,
                                .text = interface_text(change),
                                .is_bad = !change.is_watched});
                      },
                      [](const auto&) {}},
               event);
}

/// An update of a reset that is no longer known is not counted: the first report was.
void WatchTally::reset(const analysis::Reset& reset) {
    const auto known = judged_.find(reset.id);
    if (known == judged_.end() && reset.again) {
        return;
    }
    if (known != judged_.end()) {
        resets_.verdicts.at(known->second.verdict)--;
        if (known->second.verdict == FST_VERDICT_GENUINE) {
            resets_.causes[static_cast<fst_cause>(known->second.cause)]--;
        }
    }
    const Judged now{reset.judgement.verdict, reset.judgement.cause};
    resets_.verdicts.at(now.verdict)++;
    if (now.verdict == FST_VERDICT_GENUINE) {
        resets_.causes[static_cast<fst_cause>(now.cause)]++;
    }
    judged_[reset.id] = now;
    if (judged_.size() > kResets) {
        judged_.erase(judged_.begin());
    }
}

void WatchTally::finding(const analysis::Finding& finding) {
    findings_[finding.incident] = finding;
    if (findings_.size() > analysis::Incidents::kMost) {
        findings_.erase(findings_.begin());
    }
}

void WatchTally::note(Message message) {
    messages_.push_back(std::move(message));
    if (messages_.size() > kMessages) {
        messages_.pop_front();
    }
}

const analysis::Finding* WatchTally::finding_of(std::uint64_t incident) const {
    const auto known = findings_.find(incident);
    return known == findings_.end() ? nullptr : &known->second;
}

}  // namespace flowstamp::output
