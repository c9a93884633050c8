// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "user/base/time_text.h"

namespace flowstamp::cmd::demo {
namespace {

/// Counts words, in order of first occurrence.
class Tally {
  public:
    void add(const std::string& word) {
        const auto known = std::ranges::find(counts_, word, &std::pair<std::string, int>::first);
        if (known == counts_.end()) {
            counts_.emplace_back(word, 1);
        } else {
            ++known->second;
        }
    }
    /// The word, if there is only one.
    std::optional<std::string> only() const {
        return counts_.size() == 1 ? std::optional(counts_.front().first) : std::nullopt;
    }
    /// "1 challenged, 2 dropped"; just the word if there is only one; "-" if there is none.
    std::string text() const {
        if (counts_.size() == 1 && counts_.front().second == 1) {
            return counts_.front().first;
        }
        std::string text;
        for (const auto& [word, count] : counts_) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word);
        }
        return text.empty() ? "-" : text;
    }

  private:
    std::vector<std::pair<std::string, int>> counts_;
};

std::string flags_text(std::uint8_t flags) {
    return (flags & lab::Ack) != 0 ? "RST+ACK" : "bare RST";
}

/// "ECONNRESET"; the outcome if there is no errno.
std::string failure_name(const lab::DownloadReport& report) {
    const char* name = report.errno_value == 0 ? nullptr : strerrorname_np(report.errno_value);
    return name != nullptr ? name : lab::outcome_text(report.outcome);
}

}  // namespace

std::string megabytes(std::uint64_t bytes) {
    return fmt::format("{:.1f}", static_cast<double>(bytes) / 1e6);
}

std::string progress_text(std::uint64_t bytes, std::uint64_t wanted) {
    constexpr std::uint64_t kCells = 40;
    const std::uint64_t full = wanted == 0 ? kCells : std::min(bytes, wanted) * kCells / wanted;
    return fmt::format("  downloading [{}{}] {} of {} MB", std::string(full, '#'),
                       std::string(kCells - full, ' '), megabytes(bytes), megabytes(wanted));
}

std::string download_sentence(const RunRecord& record) {
    const lab::DownloadReport& download = record.download;
    const std::string time = duration_text(download.elapsed);
    if (is_complete(download)) {
        return fmt::format("The download is complete: {} bytes in {}, all as sent.",
                           grouped(download.bytes), time);
    }
    return fmt::format("The download broke off after {} ({}): {} of {} bytes.", time,
                       failure_name(download), grouped(download.bytes), grouped(record.wanted));
}

std::string conversation_sentence(const lab::ExchangeOptions& wanted,
                                  const lab::DownloadReport& report) {
    const std::string time = duration_text(report.elapsed);
    const bool gave_up = report.outcome == lab::Outcome::TimedOut;
    if (report.connected_after.count() == 0) {
        return gave_up ? fmt::format("The client gives up after {}: no connection.", time)
                       : fmt::format("No connection: {} after {}.", failure_name(report), time);
    }
    const std::string bytes = fmt::format("{} of {} bytes came back", grouped(report.bytes),
                                          grouped(std::uint64_t{wanted.rounds} * wanted.bytes));
    const std::string connected =
        fmt::format("Connected after {}", duration_text(report.connected_after));
    if (is_complete(report)) {
        return fmt::format("{}, and all is well: {} within {}.", connected, bytes, time);
    }
    return fmt::format("{}, but {} after {}: {}.", connected,
                       gave_up ? "the client gives up" : failure_name(report), time, bytes);
}

std::string conversation_text(const lab::DownloadReport& report) {
    if (is_complete(report)) {
        return fmt::format("complete, connected after {}", duration_text(report.connected_after));
    }
    return fmt::format("{} after {}",
                       report.outcome == lab::Outcome::TimedOut ? "given up" : failure_name(report),
                       duration_text(report.elapsed));
}

std::string sent_text(const RunRecord& record) {
    if (record.injected.empty()) {
        return "none";
    }
    const std::size_t to_client = record.injected_to_client();
    const std::size_t to_server = record.injected.size() - to_client;
    const auto segment = lab::parse_segment(record.injected.front().frame);
    return fmt::format("{}{} {}", to_client, to_server == 0 ? "" : fmt::format("+{}", to_server),
                       segment ? flags_text(segment->flags) : "segments");
}

std::string download_text(const RunRecord& record) {
    const lab::DownloadReport& download = record.download;
    const auto at = [&](std::string_view how) {
        return fmt::format("{} at {}/{} MB", how, megabytes(download.bytes),
                           megabytes(record.wanted));
    };
    switch (download.outcome) {
        case lab::Outcome::Complete:
            return fmt::format("complete, {} MB", megabytes(download.bytes));
        case lab::Outcome::Refused:
            return "refused";
        case lab::Outcome::Reset:
            return at("reset");
        case lab::Outcome::TimedOut:
            return at("stuck");
        case lab::Outcome::Closed:
        case lab::Outcome::Corrupted:
        case lab::Outcome::Failed:
            break;
    }
    return at("failed");
}

std::string verdict_text(const RunRecord& record) {
    if (const FindingFact* finding = record.finding()) {
        return finding->resolution == "withdrawn" ? "genuine" : finding->verdict;
    }
    Tally verdicts;
    for (const ResetFact& reset : record.resets()) {
        if (!reset.is_answer) {
            verdicts.add(reset.verdict);
        }
    }
    return verdicts.only().value_or(verdicts.text());
}

std::string action_text(const RunRecord& record) {
    Tally actions;
    for (const ResetFact& reset : record.resets()) {
        if (!reset.is_answer) {
            actions.add(reset.action);
        }
    }
    return actions.text();
}

std::string answer_text(const RunRecord& record) {
    Tally answers;
    for (const ResetFact& reset : record.resets()) {
        if (!reset.challenge.empty() && !reset.is_answer) {
            answers.add(reset.challenge);
        }
    }
    return answers.text();
}

}  // namespace flowstamp::cmd::demo
