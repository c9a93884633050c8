// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A watch on a lab host, beside the traffic, and its reports.
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

/// Something reported again as its verdict changes.
template <class T>
struct Updates {
    T first;  ///< the first report
    T last;   ///< the latest report
};

/// All reports of a watch.
struct WatchLog {
    std::vector<Updates<analysis::Reset>> resets{};
    std::vector<Updates<analysis::Finding>> findings{};
    std::vector<analysis::Middlebox> middleboxes{};
    std::vector<analysis::FlowRecord> flows{};
    std::vector<std::string> notices{};
    analysis::Stats summary{};

    /// The RSTs in the server's name, genuine or forged.
    std::vector<Updates<analysis::Reset>> server_resets() const;
    std::uint64_t count(fst_counter counter) const { return summary.counters.at(counter); }
    /// For a failed test's message: resets and findings, one per line.
    std::string text() const;
};

/// A watch on some interfaces of a host, in a thread there.
class LiveWatch {
  public:
    /// Returns once attached; throws std::runtime_error if that fails. `host` must outlive it.
    LiveWatch(const lab::Namespace& host, const cmd::WatchOptions& options);
    LiveWatch(const LiveWatch&) = delete;
    LiveWatch& operator=(const LiveWatch&) = delete;
    ~LiveWatch();

    /// Waits until `enough` holds for the reports so far.
    bool wait_for(const std::function<bool(const WatchLog&)>& enough,
                  std::chrono::milliseconds timeout) const;
    /// Detaches, and returns everything. Once only.
    WatchLog stop();

  private:
    class Collector;
    void run(const lab::Namespace& host, const cmd::WatchOptions& options,
             std::promise<void>& attached);

    lab::StopSignal stop_;
    std::unique_ptr<Collector> collector_;
    std::future<void> running_;
};

/// A lab with a watch, by default on the client's only interface.
class WatchTest : public LabTest {
  protected:
    static cmd::WatchOptions acting(fst_drop_mode drop,
                                    fst_challenge_mode challenge = FST_CHALLENGE_OFF) {
        cmd::WatchOptions options;
        options.drop = drop;
        options.challenge = challenge;
        return options;
    }
    LiveWatch& watch(cmd::WatchOptions options = {});
    LiveWatch& watch(const lab::Namespace& host, const std::vector<std::string>& interfaces,
                     cmd::WatchOptions options = {});
    /// Waits until the watch has reported this many RSTs in the server's name.
    bool wait_for_resets(std::size_t count);

    std::unique_ptr<LiveWatch> watch_;
};

}  // namespace flowstamp::lab
