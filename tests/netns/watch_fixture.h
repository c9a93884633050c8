// SPDX-License-Identifier: Apache-2.0
//
// A watch in a host of the lab, beside the traffic, and what it told.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/netns/lab_fixture.h"
#include "user/cmd/watch/watch.h"

namespace flowstamp::lab {

/// Something told again and again as its verdict changes.
template <class T>
struct Story {
    T first;  ///< as it was told when it was first known
    T last;   ///< as it stands now
};

/// All that a watch told.
struct WatchLog {
    std::vector<Story<analysis::Reset>> resets{};
    std::vector<Story<analysis::Finding>> findings{};
    std::vector<analysis::Middlebox> middleboxes{};
    std::vector<analysis::FlowRecord> flows{};
    std::vector<std::string> notices{};
    analysis::Stats summary{};

    /// The RSTs in the server's name, genuine or forged.
    std::vector<Story<analysis::Reset>> server_resets() const;
    std::uint64_t count(fst_counter counter) const { return summary.counters.at(counter); }
    /// For a failed test's message: resets and findings, a line each.
    std::string text() const;
};

/// A watch on some interfaces of a host, in a thread of its own there.
class LiveWatch {
  public:
    /// Returns once it is attached; throws std::runtime_error when it cannot be. `host` outlives it.
    LiveWatch(const lab::Namespace& host, const cmd::WatchOptions& options);
    LiveWatch(const LiveWatch&) = delete;
    LiveWatch& operator=(const LiveWatch&) = delete;
    ~LiveWatch();

    /// Waits until what was told so far will do.
    bool wait_for(const std::function<bool(const WatchLog&)>& enough,
                  std::chrono::milliseconds timeout) const;
    /// Detaches, and returns everything. Once only.
    WatchLog stop();

  private:
    class Collector;
    void run(const lab::Namespace& host, const cmd::WatchOptions& options, std::promise<void>& attached);

    lab::StopSignal stop_;
    std::unique_ptr<Collector> collector_;
    std::future<void> running_;
};

/// A lab with a watch: on the client's only interface, unless said otherwise.
class WatchTest : public LabTest {
  protected:
    static cmd::WatchOptions acting(fst_drop_mode drop, fst_challenge_mode challenge = FST_CHALLENGE_OFF) {
        cmd::WatchOptions options;
        options.drop = drop;
        options.challenge = challenge;
        return options;
    }
    LiveWatch& watch(cmd::WatchOptions options = {});
    LiveWatch& watch(const lab::Namespace& host, const std::vector<std::string>& interfaces,
                     cmd::WatchOptions options = {});
    /// Waits until the watch has told so many RSTs in the server's name.
    bool wait_for_resets(std::size_t count);

    std::unique_ptr<LiveWatch> watch_;
};

}  // namespace flowstamp::lab
