// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What `path` can see here, as determined by the code that `path` itself uses.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "user/base/process.h"
#include "user/cmd/doctor/check.h"
#include "user/kernel/features/capabilities.h"
#include "user/netfilter/iptables_ruleset.h"
#include "user/netfilter/read_ruleset.h"
#include "user/output/text/counted.h"
#include "user/pathtrace/live/path_probe.h"

namespace flowstamp::cmd {

namespace {

Check check_part(const pathtrace::PathPart& part) {
    const std::string subject = fmt::format("path: {}", part.name);
    if (part.missing.empty()) {
        return {CheckStatus::ok, subject, std::string(part.meaning)};
    }
    return {CheckStatus::limited, subject, fmt::format("{}: {}", part.without, part.missing)};
}

void check_parts(Checks& checks) {
    const auto parts = pathtrace::path_support();
    if (!parts) {
        checks.push_back({CheckStatus::missing, "path", parts.error().message()});
        return;
    }
    std::ranges::transform(*parts, std::back_inserter(checks), check_part);
    if (std::ranges::none_of(
            *parts, [](const pathtrace::PathPart& part) { return part.missing.empty(); })) {
        checks.push_back({CheckStatus::missing, "path", "none of its programs can be loaded"});
    }
}

void check_ruleset(Checks& checks) {
    const auto ruleset = netfilter::read_ruleset();
    if (!ruleset) {
        checks.push_back({CheckStatus::missing, "path: ruleset", ruleset.error().message()});
        return;
    }
    for (const std::string& unread : ruleset->unread) {
        checks.push_back({CheckStatus::limited, "path: ruleset", unread});
    }
    if (ruleset->unread.empty()) {
        checks.push_back(
            {CheckStatus::ok, "path: ruleset",
             fmt::format("can be read: {}", output::counted(ruleset->tables.size(), "table"))});
    }
}

/// A program that cannot be started counts as missing.
void check_programs(Checks& checks) {
    std::string found;
    std::string missing;
    for (const std::string& program : netfilter::save_programs()) {
        std::string& list = run_command({program, "--version"}) ? found : missing;
        list += (list.empty() ? "" : ", ") + program;
    }
    if (!found.empty()) {
        checks.push_back({CheckStatus::ok, "path: iptables", found});
    }
    if (!missing.empty()) {
        checks.push_back({CheckStatus::limited, "path: iptables",
                          fmt::format("no {}: rules of iptables-nft are shown in nft syntax, "
                                      "those of iptables-legacy not at all; apt install iptables",
                                      missing)});
    }
}

}  // namespace

Checks check_path() {
    const auto capabilities = kernel::Capabilities::of_this_thread();
    const Status allowed = capabilities ? kernel::require_capabilities(*capabilities)
                                        : std::unexpected(capabilities.error());
    if (!allowed) {
        return {{CheckStatus::missing, "path", allowed.error().message()}};
    }
    Checks checks;
    check_parts(checks);
    check_ruleset(checks);
    check_programs(checks);
    return checks;
}

}  // namespace flowstamp::cmd
