// SPDX-License-Identifier: Apache-2.0
//
// `path` at work in a host of the lab, and what it told.
#pragma once

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "tests/netns/path_fixture.h"
#include "user/pathtrace/live/tracer.h"

namespace flowstamp {

/// "dropped at forward: NETFILTER_DROP: ...", for tests that fail.
inline void PrintTo(const pathtrace::PathReport& story, std::ostream* out) {
    *out << fmt::format("flow #{}{} {} > {}: {}, {} packets", story.flow,
                        story.is_reply ? ", answers" : "", pathtrace::source_of(story.name).text(),
                        pathtrace::destination_of(story.name).text(), name_of(story.end), story.packets);
    for (const pathtrace::PathStep& step : story.steps) {
        *out << fmt::format("; {} ({})", step.at, fmt::join(step.passed, ", "));
    }
    if (story.drop) {
        *out << fmt::format("; at '{}': {} ({}, {})", story.drop->at, story.drop->words.words,
                            story.drop->reason, story.drop->location);
        if (story.drop->attribution) {
            *out << fmt::format(
                "; {}: {}: {}", netfilter::words_of(*story.drop->attribution),
                story.drop->attribution->certainty == netfilter::Certainty::certain ? "certain" : "probable",
                story.drop->attribution->why);
        }
    }
}

}  // namespace flowstamp

namespace flowstamp::lab {

/// A tracer in a host of the lab, in a thread of its own there.
class LivePath {
  public:
    using Wanted = std::function<bool(const pathtrace::PathReport&)>;
    /// Generous: it is over as soon as what is waited for is told.
    static constexpr std::chrono::milliseconds kTimeout = 15s;

    LivePath(const lab::Namespace& host, const std::vector<std::string>& interfaces,
             const std::string& filter) {
        std::promise<void> attached;
        auto ready = attached.get_future();
        running_ = std::async(std::launch::async, [&, interfaces, filter] {
            host.run_in([&] { run(interfaces, filter, attached); });
        });
        ready.get();
    }
    ~LivePath() { stop(); }

    /// The latest story of that kind, once there is one.
    std::optional<pathtrace::PathReport> wait_for(const Wanted& is_it,
                                      std::chrono::milliseconds timeout = kTimeout) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, timeout, [&] { return std::ranges::any_of(stories_, is_it); });
        const auto found = std::find_if(stories_.rbegin(), stories_.rend(), is_it);
        return found == stories_.rend() ? std::nullopt : std::optional(*found);
    }
    /// The latest of packets that came to such an end, answers aside.
    std::optional<pathtrace::PathReport> wait_for(pathtrace::PacketPath::End end,
                                      std::chrono::milliseconds timeout = kTimeout) {
        return wait_for([&](const pathtrace::PathReport& story) { return story.end == end && !story.is_reply; },
                        timeout);
    }
    /// All so far.
    std::vector<pathtrace::PathReport> stories() {
        const std::lock_guard lock(mutex_);
        return stories_;
    }
    const pathtrace::PathStats& stop() {
        stopping_ = true;
        if (running_.valid()) {
            running_.get();
        }
        return stats_;
    }

  private:
    void consume(pathtrace::PathEvent event) {
        const std::lock_guard lock(mutex_);
        if (auto* stats = std::get_if<pathtrace::PathStats>(&event)) {
            stats_ = *stats;
            return;
        }
        stories_.push_back(std::get<pathtrace::PathReport>(std::move(event)));
        changed_.notify_all();
    }
    void run(const std::vector<std::string>& interfaces, const std::string& filter,
             std::promise<void>& attached) {
        const SystemClock clock;
        auto tracer = pathtrace::Tracer::start({.interfaces = interfaces, .filter = filter},
                                    {.report = [this](pathtrace::PathEvent event) { consume(std::move(event)); }, .clock = clock, .notice = [](auto) {}});
        if (!tracer) {
            attached.set_exception(
                std::make_exception_ptr(std::runtime_error(tracer.error().message())));
            return;
        }
        attached.set_value();
        while (!stopping_) {
            EXPECT_TRUE(tracer->poll());
            std::this_thread::sleep_for(20ms);
        }
        EXPECT_TRUE(tracer->finish());
    }

    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<pathtrace::PathReport> stories_;
    pathtrace::PathStats stats_;
    std::future<void> running_;
};

/// The interfaces of a host that lead to others.
inline std::vector<std::string> interfaces_of(const lab::Namespace& host) {
    std::vector<std::string> names;
    for (const lab::Side side : {lab::Side::Client, lab::Side::Server}) {
        if (host.has(side)) {
            names.push_back(host.toward(side).name);
        }
    }
    return names;
}

/// Begins `count` connections, and does not wait for what becomes of them. They are given up when
/// the sockets go.
[[nodiscard]] inline std::vector<Fd> knock(const lab::Namespace& host, const Endpoint& at,
                                           unsigned count = 3, const Endpoint& from = {}) {
    return host.run_in([&] {
        std::vector<Fd> sockets;
        for (unsigned i = 0; i < count; ++i) {
            lab::SocketAddress to(at);
            sockets.emplace_back(
                ::socket(to.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (from.port != 0) {
                lab::SocketAddress own(from);
                const int on = 1;
                ::setsockopt(sockets.back().get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
                EXPECT_EQ(::bind(sockets.back().get(), own.get(), own.length), 0);
            }
            // EPERM where OUTPUT drops it, else EINPROGRESS.
            [[maybe_unused]] const int begun = ::connect(sockets.back().get(), to.get(), to.length);
        }
        return sockets;
    });
}

/// client -- router -- server, one of which is asked.
class LivePathTest : public PathTest {
  protected:
    const lab::Namespace& router() { return lab().router(1); }
    LivePath& follow(const lab::Namespace& host, const std::string& filter) {
        return path_.emplace(host, interfaces_of(host), filter);
    }
    /// It told of packets that were dropped at a hook by a rule, named by such words.
    pathtrace::PathReport expect_blamed(const std::string& at, const std::string& words,
                            netfilter::Certainty certainty = netfilter::Certainty::certain) {
        const auto story = path_->wait_for([&](const pathtrace::PathReport& its) {
            return its.drop && its.drop->at == at && its.drop->attribution &&
                   words_of(*its.drop->attribution).contains(words) &&
                   its.drop->attribution->certainty == certainty;
        });
        EXPECT_TRUE(story) << "not told: " << at << ": " << words << "\nbut "
                           << testing::PrintToString(path_->stories());
        return story.value_or(pathtrace::PathReport{});
    }
    /// It told of packets that were dropped, of a reason in such words, with what to look at; no
    /// rule is blamed. `port`: of the packets' destination, if it matters.
    pathtrace::PathReport expect_reason(const std::string& at, const std::string& reason,
                            const std::string& words, const std::string& look_at,
                            std::uint16_t port = 0) {
        const auto story = path_->wait_for([&](const pathtrace::PathReport& its) {
            return its.drop && its.drop->at == at && its.drop->reason == reason &&
                   (port == 0 || pathtrace::destination_of(its.name).port == port);
        });
        EXPECT_TRUE(story) << "not told: " << at << ": " << reason << "\nbut "
                           << testing::PrintToString(path_->stories());
        if (!story) {
            return {};
        }
        EXPECT_FALSE(story->drop->attribution) << testing::PrintToString(*story);
        EXPECT_THAT(story->drop->words.words, testing::HasSubstr(words));
        EXPECT_THAT(story->drop->words.look_at, testing::HasSubstr(look_at));
        return *story;
    }

    std::optional<LivePath> path_;
};

}  // namespace flowstamp::lab
