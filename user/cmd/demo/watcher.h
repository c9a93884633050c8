// SPDX-License-Identifier: Apache-2.0
//
// `flowstamp watch` as a user would run it: this very program, as a child, on interfaces of a host of
// the lab.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/base/result.h"
#include "user/cmd/demo/facts.h"
#include "user/cmd/demo/narrator.h"
#include "user/lab/command.h"
#include "user/lab/namespace.h"
#include "user/lab/socket.h"

namespace flowstamp::cmd::demo {

/// Where it watches, and how.
struct WatchPlan {
    const lab::Namespace& host;
    std::vector<std::string> interfaces{};
    std::vector<std::string> arguments{};  ///< after the interfaces
};

/// Runs until stop(), or until it goes out of scope. What the child says for people is quoted by
/// the narrator; the same as JSON lines goes to a memory file, from which facts() reads.
class Watcher {
  public:
    Watcher(Watcher&&) noexcept = default;
    Watcher& operator=(Watcher&&) = delete;
    /// A child that still runs is asked to end, so that it takes its own things away.
    ~Watcher();

    /// Starts `watch -i INTERFACE... ARGUMENTS...` on the host, and returns once it is attached.
    /// Fails with the child's own words. `narrator` outlives it.
    static Result<Watcher> start(const WatchPlan& plan, Narrator& narrator,
                                 const lab::StopSignal& stop);

    /// Quotes what the child has said since the last time.
    void relay();

    /// Relays until `enough` holds for the facts so far. False when it does not within `timeout`,
    /// the child ends, or `stop` is raised; as it is here when nobody listens to the narrator.
    bool wait_for(const std::function<bool(const Facts&)>& enough,
                  std::chrono::milliseconds timeout, const lab::StopSignal& stop);

    [[nodiscard]] Facts facts() const;

    /// Ends the child as Ctrl-C would, and relays its last words. Fails if it failed.
    Status stop();

  private:
    Watcher(lab::Child child, Fd events, Narrator& narrator)
        : child_(std::move(child)), events_(std::move(events)), narrator_(&narrator) {}
    bool has_ended();

    lab::Child child_;
    Fd events_;
    Narrator* narrator_;
    std::size_t relayed_out_ = 0, relayed_err_ = 0;  ///< bytes
    std::optional<lab::CommandOutput> ended_;
};

}  // namespace flowstamp::cmd::demo
