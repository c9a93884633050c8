// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/firewall.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <sstream>
#include <utility>

namespace flowstamp::lab {
namespace {

const char* chain_name(FirewallRule::Chain chain) {
    switch (chain) {
        case FirewallRule::Chain::Input:
            return "INPUT";
        case FirewallRule::Chain::Forward:
            return "FORWARD";
        case FirewallRule::Chain::Output:
            break;
    }
    return "OUTPUT";
}

Argv target(FirewallRule::Action action) {
    switch (action) {
        case FirewallRule::Action::Drop:
            return {"-j", "DROP"};
        case FirewallRule::Action::RejectWithReset:
            return {"-j", "REJECT", "--reject-with", "tcp-reset"};
        case FirewallRule::Action::Reject:
            break;
    }
    return {"-j", "REJECT"};
}

/// The command that applies `operation` (-I, -D) to the rule.
Argv command(const char* operation, const FirewallRule& rule) {
    Argv argv{rule.family == Family::V4 ? "iptables" : "ip6tables", operation,
              chain_name(rule.chain), "-p", "tcp"};
    if (rule.to_port) {
        argv.insert(argv.end(), {"--dport", fmt::format("{}", *rule.to_port)});
    }
    if (rule.from_port) {
        argv.insert(argv.end(), {"--sport", fmt::format("{}", *rule.from_port)});
    }
    if (const std::size_t space = rule.tcp_flags.find(' '); space != std::string::npos) {
        argv.insert(argv.end(), {"--tcp-flags", rule.tcp_flags.substr(0, space),
                                 rule.tcp_flags.substr(space + 1)});
    }
    const Argv jump = target(rule.action);
    argv.insert(argv.end(), jump.begin(), jump.end());
    return argv;
}

Argv words_of(const std::string& command) {
    std::istringstream text(command);
    return {std::istream_iterator<std::string>(text), {}};
}

/// Runs an iptables command, waiting for the xtables lock (-w).
Status run(const Namespace& host, Argv argv) {
    argv.insert(argv.begin() + 1, "-w");
    return host.require(argv);
}

}  // namespace

Result<Firewall> Firewall::apply(const Namespace& host, const FirewallRule& rule) {
    return apply(host, fmt::format("{}", fmt::join(command("-I", rule), " ")));
}

Result<Firewall> Firewall::apply(const Namespace& host, const std::string& command) {
    Argv argv = words_of(command);
    const auto operation = std::ranges::find_if(
        argv, [](const std::string& word) { return word == "-A" || word == "-I"; });
    if (operation == argv.end() || operation == argv.begin()) {
        return fail_errno("apply", command, EINVAL);
    }
    if (Status done = run(host, argv); !done) {
        return std::unexpected(done.error());
    }
    *operation = "-D";
    return Firewall(host, std::move(argv));
}

Status Firewall::remove() {
    return removal_.empty() ? Status{} : run(*host_, std::exchange(removal_, {}));
}

std::string Firewall::removal() const {
    return fmt::format("{}", fmt::join(removal_, " "));
}

Firewall::Firewall(Firewall&& other) noexcept
    : host_(other.host_), removal_(std::exchange(other.removal_, {})) {}

Firewall::~Firewall() {
    [[maybe_unused]] const Status done = remove();
}

}  // namespace flowstamp::lab
