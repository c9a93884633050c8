// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` running on a lab host, and its reports.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/netns/path_fixture.h"
#include "user/pathtrace/live/tracer.h"

namespace flowstamp::pathtrace {

/// "dropped at forward: NETFILTER_DROP: ...", for tests that fail.
void PrintTo(const PathReport& report, std::ostream* out);

}  // namespace flowstamp::pathtrace

namespace flowstamp::lab {

/// A tracer in a host of the lab, in a thread of its own there.
class LivePath {
  public:
    using Wanted = std::function<bool(const pathtrace::PathReport&)>;
    /// Generous: the wait ends as soon as the report arrives.
    static constexpr std::chrono::milliseconds kTimeout = 15s;

    LivePath(const lab::Namespace& host, const std::vector<std::string>& interfaces,
             const std::string& filter, const std::vector<std::string>& netns = {});
    ~LivePath() { stop(); }

    /// The latest report of that kind, once there is one.
    std::optional<pathtrace::PathReport> wait_for(const Wanted& is_it,
                                                  std::chrono::milliseconds timeout = kTimeout);
    /// The latest report on packets with such an end, except answers.
    std::optional<pathtrace::PathReport> wait_for(pathtrace::PacketPath::End end,
                                                  std::chrono::milliseconds timeout = kTimeout);
    /// All so far.
    std::vector<pathtrace::PathReport> reports();
    /// Waits for a line about the run itself that contains `text`, of which there were `before`.
    bool wait_for_notice(const std::string& text, std::size_t before = 0);
    /// Lines about the run itself.
    std::vector<std::string> notices();
    const pathtrace::PathStats& stop();

  private:
    void consume(pathtrace::PathEvent event);
    void run(const pathtrace::Tracer::Wanted& wanted, std::promise<void>& attached);

    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<pathtrace::PathReport> reports_;
    std::vector<std::string> notices_;
    pathtrace::PathStats stats_;
    std::future<void> running_;
};

/// From the calling thread.
void drop_sys_admin();

/// A TCP socket that listens there, and accepts nothing by itself.
[[nodiscard]] Fd listening_socket(const lab::Namespace& host, const Endpoint& at, int backlog);

enum class ReceiveBuffer { usual, smallest };

/// A UDP socket that is bound there, and not read.
[[nodiscard]] Fd udp_socket(const lab::Namespace& host, const Endpoint& at,
                            ReceiveBuffer buffer = ReceiveBuffer::usual);

/// The interfaces of a host that lead to others.
std::vector<std::string> interfaces_of(const lab::Namespace& host);

/// Starts `count` connections, without waiting for their results. They are aborted when the sockets
/// are closed.
[[nodiscard]] std::vector<Fd> start_connections(const lab::Namespace& host, const Endpoint& at,
                                                unsigned count = 3, const Endpoint& from = {});

/// client -- router -- server; `path` runs on one of them.
class LivePathTest : public PathTest {
  protected:
    const lab::Namespace& router() { return lab().router(1); }
    LivePath& follow(const lab::Namespace& host, const std::string& filter) {
        return path_.emplace(host, interfaces_of(host), filter);
    }
    /// Expects a report on packets dropped at a hook by the rule with this text.
    pathtrace::PathReport expect_rule_named(
        const std::string& at, const std::string& words,
        netfilter::Certainty certainty = netfilter::Certainty::certain);
    /// Expects a report on packets dropped for a reason with this text, and what to look at,
    /// without a rule. `port`: the packets' destination port, if it matters.
    pathtrace::PathReport expect_reason(const std::string& at, const std::string& reason,
                                        const std::string& words, const std::string& look_at,
                                        std::uint16_t port = 0);

    std::optional<LivePath> path_;
};

/// Where its packets passed, in order.
std::vector<std::string> steps_of(const pathtrace::PathReport& report);

/// Stops it; every packet of the run must have been one.
void expect_sums(LivePath& path, std::uint64_t left, std::uint64_t dropped);

}  // namespace flowstamp::lab
