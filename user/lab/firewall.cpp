// SPDX-License-Identifier: Apache-2.0
#include "user/lab/firewall.h"

#include <fmt/format.h>

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

/// The command that does `operation` (-I or -D) with the rule.
Argv command(const char* operation, const FirewallRule& rule) {
    Argv argv{rule.family == Family::V4 ? "iptables" : "ip6tables",
              "-w",
              operation,
              chain_name(rule.chain),
              "-p",
              "tcp"};
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

}  // namespace

Result<Firewall> Firewall::apply(const Namespace& host, const FirewallRule& rule) {
    if (Status done = host.require(command("-I", rule)); !done) {
        return std::unexpected(done.error());
    }
    return Firewall(host, command("-D", rule));
}

Firewall::Firewall(Firewall&& other) noexcept
    : host_(other.host_), removal_(std::exchange(other.removal_, {})) {}

Firewall::~Firewall() {
    if (!removal_.empty()) {
        [[maybe_unused]] const Status done = host_->require(removal_);
    }
}

}  // namespace flowstamp::lab
