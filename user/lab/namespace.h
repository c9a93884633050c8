// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A lab host: a network namespace, its interfaces, and ways to run things inside.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "user/base/fd.h"
#include "user/base/own_thread.h"
#include "user/base/process.h"
#include "user/base/result.h"
#include "user/lab/address.h"
#include "user/lab/segment.h"

namespace flowstamp::lab {

/// A host's interface, and the neighbour at the other end of its link.
struct Interface {
    std::string name;  ///< inside its namespace: "to-router2"
    MacAddress mac;
    IpAddress ipv4, ipv6;
    MacAddress neighbour_mac;
    IpAddress neighbour_ipv4, neighbour_ipv6;

    const IpAddress& address(Family family) const { return family == Family::V4 ? ipv4 : ipv6; }
};

/// A lab host. Created and removed by the Lab; must outlive what runs inside.
class Namespace {
  public:
    /// Opens the existing namespace /run/netns/NAME. `role` is its readable name: "router2".
    static Result<Namespace> open(std::string role, std::string name);

    const std::string& role() const { return role_; }
    const std::string& name() const { return name_; }  ///< as `ip netns` lists it

    /// Its interface toward that end of the path; an end has none toward itself.
    const Interface& toward(Side side) const { return *interfaces_[index(side)]; }
    bool has(Side side) const { return interfaces_[index(side)].has_value(); }
    void set_interface(Side toward, Interface interface) {
        interfaces_[index(toward)] = std::move(interface);
    }
    /// For the client and the server, which have a single interface: its address.
    const IpAddress& address(Family family = Family::V4) const;

    /// Runs `function` in a thread inside the namespace, and returns its result. Sockets opened
    /// there stay in the namespace wherever they are used. Throws what `function` throws, and
    /// std::system_error if the namespace cannot be entered.
    template <class Function>
    auto run_in(Function function) const -> std::invoke_result_t<Function> {
        return in_own_thread([&] {
            enter();
            return function();
        });
    }

    /// Moves the calling thread into the namespace permanently. For threads created for that.
    void enter() const;

    /// run_command() inside.
    Result<CommandOutput> exec(const Argv& argv, const std::string& input = {},
                               std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;
    /// require_command() inside: an exit status other than 0 is an error.
    Status require(const Argv& argv, const std::string& input = {}) const;
    /// Child::start() inside.
    Result<Child> spawn(const Argv& argv) const;
    /// Sets "net.ipv4.ip_forward" and the like, of this namespace only.
    Status set_sysctl(const std::string& key, const std::string& value) const;

  private:
    Namespace(std::string role, std::string name, Fd handle)
        : role_(std::move(role)), name_(std::move(name)), handle_(std::move(handle)) {}
    static std::size_t index(Side side) { return side == Side::Client ? 0 : 1; }

    std::string role_;
    std::string name_;
    Fd handle_;
    std::array<std::optional<Interface>, 2> interfaces_;
};

}  // namespace flowstamp::lab
