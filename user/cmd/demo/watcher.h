// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Runs `flowstamp watch` as a user would: this same program, as a child process, on interfaces of a
// lab host.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/base/process.h"
#include "user/base/result.h"
#include "user/cmd/demo/facts.h"
#include "user/cmd/demo/narrator.h"
#include "user/lab/namespace.h"
#include "user/lab/socket.h"

namespace flowstamp::cmd::demo {

/// Where to watch, and with which arguments.
struct WatchPlan {
    const lab::Namespace& host;
    std::vector<std::string> interfaces{};
    std::vector<std::string> arguments{};  ///< after the interfaces
};

/// Runs until stop() or destruction. The narrator quotes the child's text output; its JSON lines go
/// to an in-memory file, which facts() parses.
class Watcher {
  public:
    Watcher(Watcher&&) noexcept = default;
    Watcher& operator=(Watcher&&) = delete;
    /// Stops a running child properly, so that it cleans up.
    ~Watcher();

    /// Starts `watch -i INTERFACE... ARGUMENTS...` on the host, and returns once it is attached.
    /// Fails with the child's own message. `narrator` must outlive it.
    static Result<Watcher> start(const WatchPlan& plan, Narrator& narrator,
                                 const lab::StopSignal& stop);

    /// Quotes the child's new output.
    void relay();

    /// Relays until `enough` holds for the facts so far. False if it does not within `timeout`, the
    /// child ends, or `stop` is raised, as it also is here when the reader has gone.
    bool wait_for(const std::function<bool(const Facts&)>& enough,
                  std::chrono::milliseconds timeout, const lab::StopSignal& stop);

    [[nodiscard]] Facts facts() const;

    /// Stops the child as Ctrl-C would, and relays its last output. Fails if it failed.
    Status stop();

  private:
    Watcher(Child child, Fd events, Narrator& narrator)
        : child_(std::move(child)), events_(std::move(events)), narrator_(&narrator) {}
    bool has_ended();

    Child child_;
    Fd events_;
    Narrator* narrator_;
    std::size_t relayed_out_ = 0, relayed_err_ = 0;  ///< bytes
    std::optional<CommandOutput> ended_;
};

}  // namespace flowstamp::cmd::demo
