// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/evidence_option.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "user/net/anonymize/anonymization_key.h"

namespace flowstamp::cmd {

std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    const std::string_view unit(stop, end);
    unsigned shift = 0;
    if (unit == "k" || unit == "K") {
        shift = 10;
    } else if (unit == "M") {
        shift = 20;
    } else if (unit == "G") {
        shift = 30;
    } else if (!unit.empty()) {
        return std::nullopt;
    }
    if (error != std::errc{} || number == 0 ||
        number > std::numeric_limits<std::uint64_t>::max() >> shift) {
        return std::nullopt;
    }
    return number << shift;
}

void add_evidence(Command& command, EvidenceOptions& options) {
    command.option("--evidence", "DIR", options.folder,
                   "Write each confirmed finding's packets, commented");
}

void add_evidence_max(Command& command, EvidenceOptions& options) {
    command.option(
        "--evidence-max", "SIZE",
        [&options](const std::string& text) -> std::string {
            const auto size = parse_size(text);
            if (!size) {
                return fmt::format("--evidence-max {}: not a size; give one like 500k, 64M or 2G",
                                   text);
            }
            options.limits.bytes = *size;
            return "";
        },
        "Evidence files in the folder (default 64M)");
}

void add_anonymize(Command& command, EvidenceOptions& options) {
    command.option("--anonymize", "FILE", options.anonymize,
                   "Evidence: replace addresses, by the 32-byte key in FILE");
}

std::string objection(const EvidenceOptions& options) {
    if (options.anonymize && !options.folder) {
        return "--anonymize is about evidence; give --evidence DIR as well";
    }
    return "";
}

Result<std::optional<net::AddressAnonymizer>> open_anonymizer(const EvidenceOptions& options) {
    if (!options.anonymize) {
        return std::nullopt;
    }
    const auto key = net::read_anonymization_key(*options.anonymize);
    if (!key) {
        return std::unexpected(key.error());
    }
    return net::AddressAnonymizer(*key);
}

}  // namespace flowstamp::cmd
