// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Texts for the results of a step. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "user/cmd/demo/download_run.h"
#include "user/lab/exchange.h"
#include "user/output/text/counted.h"

namespace flowstamp::cmd::demo {

[[nodiscard]] inline bool is_complete(const lab::DownloadReport& download) {
    return download.outcome == lab::Outcome::Complete;
}

using output::grouped;  ///< "8,000,000"

[[nodiscard]] std::string megabytes(std::uint64_t bytes);  ///< "3.1"

/// "downloading [######          ] 3.1 of 8.0 MB".
[[nodiscard]] std::string progress_text(std::uint64_t bytes, std::uint64_t wanted);

/// How the download ended, as a sentence.
[[nodiscard]] std::string download_sentence(const RunRecord& record);

/// How a connection ended for the client, as a sentence.
[[nodiscard]] std::string conversation_sentence(const lab::ExchangeOptions& wanted,
                                                const lab::DownloadReport& report);
/// "complete, connected after 3.1 s", "ECONNRESET after 600 ms".
[[nodiscard]] std::string conversation_text(const lab::DownloadReport& report);

/// "3 RST+ACK", "1+1 RST+ACK" if one went to the client and one to the server, "none".
[[nodiscard]] std::string sent_text(const RunRecord& record);
/// "reset at 3.1/8.0 MB", "complete, 8.0 MB".
[[nodiscard]] std::string download_text(const RunRecord& record);
/// Of the finding; if there is none, of the resets.
[[nodiscard]] std::string verdict_text(const RunRecord& record);
/// "observed", "1 challenged, 2 dropped".
[[nodiscard]] std::string action_text(const RunRecord& record);
/// "refuted", "2 refuted, 1 unanswered", "-".
[[nodiscard]] std::string answer_text(const RunRecord& record);

}  // namespace flowstamp::cmd::demo
