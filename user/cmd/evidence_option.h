// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "user/base/result.h"
#include "user/cmd/command_line.h"
#include "user/net/anonymize/address_anonymizer.h"
#include "user/output/evidence/evidence_folder.h"

namespace flowstamp::cmd {

/// Evidence of confirmed findings, a file each.
struct EvidenceOptions {
    std::optional<std::string> folder{};  ///< nothing: none is written
    output::EvidenceLimits limits{};
    std::optional<std::string> anonymize{};  ///< a file with a key; nothing: addresses stay
};

/// --evidence.
void add_evidence(Command& command, EvidenceOptions& options);
/// --evidence-max: for few.
void add_evidence_max(Command& command, EvidenceOptions& options);
/// --anonymize: for few.
void add_anonymize(Command& command, EvidenceOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const EvidenceOptions& options);

/// What --anonymize asks for: nothing if it was not given. Fails if the key cannot be taken.
[[nodiscard]] Result<std::optional<net::AddressAnonymizer>> open_anonymizer(
    const EvidenceOptions& options);

/// "64M", "500k", "2G", or bytes: nothing if it is none of these, 0, or more than 64 bits hold.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace flowstamp::cmd
