// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Rules of a real firewall (iptables, ip6tables) on a lab host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "user/base/result.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

struct FirewallRule {
    enum class Chain : std::uint8_t { Input, Forward, Output };
    enum class Action : std::uint8_t {
        Drop,
        RejectWithReset,  ///< REJECT --reject-with tcp-reset
        Reject,           ///< REJECT: an ICMP error, port unreachable
    };

    Chain chain = Chain::Forward;
    Action action = Action::Drop;
    Family family = Family::V4;
    std::optional<std::uint16_t> to_port{};    ///< --dport
    std::optional<std::uint16_t> from_port{};  ///< --sport
    /// The two arguments of --tcp-flags, mask and set: "SYN,ACK SYN". Empty: any segment.
    std::string tcp_flags{};
};

/// A rule that is in force until destroyed. A FirewallRule is inserted before all others, a
/// command's rule where the command says.
class Firewall {
  public:
    /// `host` must outlive it.
    static Result<Firewall> apply(const Namespace& host, const FirewallRule& rule);
    /// Applies `command` as typed in a shell, with one -A or -I in it:
    /// "iptables -t nat -A POSTROUTING -j MASQUERADE". Its words must not contain spaces.
    static Result<Firewall> apply(const Namespace& host, const std::string& command);

    /// Removes the rule early.
    Status remove();
    /// The command that removes the rule, as typed in a shell.
    std::string removal() const;
    const Namespace& host() const { return *host_; }

    Firewall(Firewall&& other) noexcept;
    Firewall& operator=(Firewall&&) = delete;
    ~Firewall();

  private:
    Firewall(const Namespace& host, Argv removal) : host_(&host), removal_(std::move(removal)) {}

    const Namespace* host_;
    Argv removal_;  ///< empty once moved from
};

}  // namespace flowstamp::lab
