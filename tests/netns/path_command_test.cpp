// SPDX-License-Identifier: Apache-2.0
//
// The whole way: real packets through a router that eats them, and what `path` says of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "tests/netns/lab_fixture.h"
#include "user/lab/download.h"
#include "user/lab/server.h"
#include "user/tracer/tracer.h"

namespace flowstamp::lab {
namespace {

/// A tracer in a host of the lab, in a thread of its own there.
class LivePath final : public PathReporter {
  public:
    LivePath(const Namespace& host, const std::vector<std::string>& interfaces,
             const std::string& filter) {
        std::promise<void> attached;
        auto ready = attached.get_future();
        running_ = std::async(std::launch::async, [&, interfaces, filter] {
            host.run_in([&] { run(interfaces, filter, attached); });
        });
        ready.get();
    }
    ~LivePath() override { stop(); }

    void story(const PathStory& story) override {
        const std::lock_guard lock(mutex_);
        stories_.push_back(story);
        changed_.notify_all();
    }
    void summary(const PathStats& stats) override { stats_ = stats; }

    /// The latest story of packets that came to such an end, once there is one.
    std::optional<PathStory> wait_for(Journey::End end, std::chrono::milliseconds timeout = 5s) {
        std::unique_lock lock(mutex_);
        const auto is_it = [&](const PathStory& story) {
            return story.end == end && !story.is_reply;
        };
        changed_.wait_for(lock, timeout, [&] { return std::ranges::any_of(stories_, is_it); });
        const auto found = std::find_if(stories_.rbegin(), stories_.rend(), is_it);
        return found == stories_.rend() ? std::nullopt : std::optional(*found);
    }
    const PathStats& stop() {
        stopping_ = true;
        if (running_.valid()) {
            running_.get();
        }
        return stats_;
    }

  private:
    void run(const std::vector<std::string>& interfaces, const std::string& filter,
             std::promise<void>& attached) {
        const SystemClock clock;
        auto tracer = Tracer::start({.interfaces = interfaces, .filter = filter},
                                    {.reporter = *this, .clock = clock, .notice = [](auto) {}});
        if (!tracer) {
            attached.set_exception(
                std::make_exception_ptr(std::runtime_error(tracer.error().message())));
            return;
        }
        attached.set_value();
        while (!stopping_) {
            EXPECT_TRUE(tracer->turn());
            std::this_thread::sleep_for(20ms);
        }
        EXPECT_TRUE(tracer->finish());
    }

    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<PathStory> stories_;
    PathStats stats_;
    std::future<void> running_;
};

/// client -- router -- server; the router is asked.
class PathCommand : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        if (!IsSkipped()) {
            make({.routers = 1});
            server_.emplace(require(Server::start(lab().server(), {})));
        }
    }
    const Namespace& router() { return lab().router(1); }
    void rule(const std::vector<std::string>& command) {
        const Status done = router().require(command);
        ASSERT_TRUE(done) << done.error().message();
    }
    LivePath& follow(const std::string& filter) {
        return path_.emplace(
            router(),
            std::vector{router().toward(Side::Client).name, router().toward(Side::Server).name},
            filter);
    }
    DownloadReport try_to_download() {
        DownloadOptions options = to_server(10'000);
        options.timeout = 1500ms;
        return download(lab().client(), options);
    }
    /// The rule that the answer names, after some packets were lost.
    Culprit expect_rule(const std::string& hook) {
        EXPECT_NE(try_to_download().outcome, Outcome::Complete);
        const auto story = path_->wait_for(Journey::End::dropped);
        if (!story || !story->drop || !story->drop->culprit) {
            ADD_FAILURE() << "no rule was named";
            return {};
        }
        EXPECT_EQ(story->drop->at, hook);
        EXPECT_EQ(story->drop->reason, "NETFILTER_DROP");
        return *story->drop->culprit;
    }

  private:
    std::optional<Server> server_;
    std::optional<LivePath> path_;
};

TEST_F(PathCommand, WhatPassesIsFollowedThrough) {
    LivePath& path = follow("tcp port 80");
    EXPECT_EQ(try_to_download().outcome, Outcome::Complete);
    const auto story = path.wait_for(Journey::End::left);
    ASSERT_TRUE(story);
    ASSERT_GE(story->steps.size(), 3U);
    EXPECT_EQ(story->steps.front().at, router().toward(Side::Client).name + " in");
    EXPECT_EQ(story->steps.back().at, router().toward(Side::Server).name + " out");
    const PathStats& stats = path.stop();
    EXPECT_EQ(stats.dropped, 0U);
    EXPECT_EQ(stats.flows, 1U);
    EXPECT_EQ(stats.unknown, 0U);
}

TEST_F(PathCommand, ARuleOfIptablesNftBehindTranslation) {
    rule({"iptables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "80", "-j",
          "REDIRECT", "--to-ports", "8080"});
    rule({"iptables-nft", "-A", "INPUT", "-p", "tcp", "-m", "multiport", "!", "--dports", "1:300",
          "-j", "DROP"});
    follow("tcp port 80");
    const Culprit culprit = expect_rule("input");
    EXPECT_EQ(culprit.table, "filter");
    EXPECT_EQ(culprit.chain, "INPUT");
    EXPECT_EQ(culprit.certainty, Certainty::certain) << culprit.why;
    EXPECT_NE(culprit.text.find("! --dports 1:300"), std::string::npos) << culprit.text;
}

TEST_F(PathCommand, ARuleOfIptablesLegacy) {
    rule({"iptables-legacy", "-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j",
          "DROP"});
    follow("tcp port 80");
    const Culprit culprit = expect_rule("forward");
    EXPECT_EQ(culprit.tool, RulesetTool::iptables_legacy);
    EXPECT_EQ(culprit.table, "mangle");
    EXPECT_EQ(culprit.certainty, Certainty::certain) << culprit.why;
}

TEST_F(PathCommand, ARuleOfNft) {
    rule({"nft",
          "add table inet site; add chain inet site pre { type filter hook prerouting "
          "priority raw; }; add rule inet site pre tcp dport 80 counter drop"});
    follow("tcp port 80");
    const Culprit culprit = expect_rule("prerouting");
    EXPECT_EQ(culprit.tool, RulesetTool::nft);
    EXPECT_EQ(culprit.chain, "pre");
    EXPECT_EQ(culprit.certainty, Certainty::certain) << culprit.why;
}

TEST_F(PathCommand, ARejectIsSeenAsOne) {
    rule({"iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "REJECT",
          "--reject-with", "tcp-reset"});
    follow("tcp port 80");
    const Culprit culprit = expect_rule("forward");
    EXPECT_NE(culprit.text.find("REJECT"), std::string::npos) << culprit.text;
    EXPECT_EQ(culprit.certainty, Certainty::certain) << culprit.why;
}

TEST_F(PathCommand, WhereNoRuleIsToBlameTheKernelsReasonIsTold) {
    rule({"ip", "route", "add", "unreachable", lab().server().address(Family::V4).text()});
    LivePath& path = follow("tcp port 80");
    try_to_download();
    const auto story = path.wait_for(Journey::End::dropped);
    ASSERT_TRUE(story && story->drop);
    EXPECT_FALSE(story->drop->culprit);
    EXPECT_EQ(story->drop->at, "prerouting");
    EXPECT_NE(story->drop->words.words.find("rout"), std::string::npos) << story->drop->words.words;
}

TEST_F(PathCommand, OthersPacketsAreNotFollowed) {
    LivePath& path = follow("tcp port 10174");
    EXPECT_EQ(try_to_download().outcome, Outcome::Complete);
    const PathStats& stats = path.stop();
    EXPECT_EQ(stats.packets, 0U);
}

}  // namespace
}  // namespace flowstamp::lab
