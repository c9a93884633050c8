// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Genuine resets in numbers, under --drop confirmed --challenge all: none is doubted, and each ends
// its connection. FLOWSTAMP_ABORTS: how many of each kind.
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include "tests/netns/environment.h"
#include "tests/netns/stress_fixture.h"
#include "user/lab/firewall.h"

namespace flowstamp::lab {
namespace {

constexpr int kAborts = 40;
constexpr int kClients = 8;  ///< at once
constexpr std::size_t kRequest = 10;

enum class Abort : std::uint8_t {
    AtOnce,       ///< as soon as the connection is accepted
    LingerZero,   ///< in the middle of a download
    CloseUnread,  ///< ... and the request was read in part only
    Vanish,       ///< the server's kernel answers for a socket that is gone
    /// Just after its keepalive probe, which uses up what Linux sends of challenge ACKs in 500 ms.
    AfterKeepalive,
    OurOwn,  ///< by the client
};

struct Kind {
    Abort abort;
    bool conntrack;
};

class StressAborts : public StressTest, public ::testing::WithParamInterface<Kind> {
  protected:
    using Times = std::vector<std::chrono::milliseconds>;

    /// What both ends of a stateful host drop.
    void drop_invalid() {
        for (const lab::Namespace* host : {&lab().client(), &lab().server()}) {
            for (const char* chain : {"INPUT", "OUTPUT"}) {
                firewalls_.push_back(require(lab::Firewall::apply(
                    *host,
                    fmt::format("iptables -A {} -m conntrack --ctstate INVALID -j DROP", chain))));
            }
        }
    }

    static void serve(Fd socket, const lab::WaitLimit& limit) {
        std::vector<std::uint8_t> request(kRequest);
        if (GetParam().abort == Abort::AtOnce) {
            lab::close_with_reset(std::move(socket));
            return;
        }
        [[maybe_unused]] const auto got = lab::receive_some(socket, request, limit);
        [[maybe_unused]] const Status sent = lab::send_all(socket, some_bytes(20'000), limit);
        if (GetParam().abort == Abort::OurOwn) {
            ends_by_reset(socket);
            return;
        }
        if (GetParam().abort == Abort::AfterKeepalive) {
            const int on = 1, second = 1;
            setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
            setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, &second, sizeof(second));
            std::this_thread::sleep_for(1200ms);
            lab::close_with_reset(std::move(socket));
            return;
        }
        std::this_thread::sleep_for(60ms);
        if (GetParam().abort == Abort::LingerZero) {
            lab::close_with_reset(std::move(socket));
        } else if (GetParam().abort == Abort::Vanish) {
            [[maybe_unused]] const Status gone = lab::vanish(std::move(socket));
        }
    }

    /// One connection to its end: how long after its last byte from the server the reset came.
    std::optional<std::chrono::milliseconds> abort_one() {
        Result<Fd> socket = connect_from(lab().client(), lab::Family::V4);
        if (!socket) {
            return socket.error().errno_value == ECONNRESET ? std::optional(0ms) : std::nullopt;
        }
        const bool unread = GetParam().abort == Abort::CloseUnread;
        [[maybe_unused]] const Status asked =
            lab::send_all(*socket, some_bytes(unread ? 2 * kRequest : kRequest), limit());
        std::vector<std::uint8_t> buffer(65'536);
        lab::SteadyClock::time_point last = lab::SteadyClock::now();
        std::size_t total = 0;
        for (int idle = 0; idle < 80;) {
            const auto got = lab::receive_some(*socket, buffer, limit(100ms));
            if (got && *got > 0) {
                last = lab::SteadyClock::now();
                total += *got;
                if (total == 20'000 && GetParam().abort == Abort::OurOwn) {
                    lab::close_with_reset(std::move(*socket));
                    return 0ms;
                }
                continue;
            }
            if (got) {
                return {};  // a FIN
            }
            if (got.error().errno_value == ECONNRESET) {
                return std::chrono::duration_cast<std::chrono::milliseconds>(
                    lab::SteadyClock::now() - last);
            }
            idle++;
            if (GetParam().abort == Abort::Vanish) {
                [[maybe_unused]] const Status nudged =
                    lab::send_all(*socket, some_bytes(1), limit());
            }
        }
        return {};
    }

    /// All connections, several at once.
    Times abort_all(int count) {
        std::mutex mutex;
        Times times;
        std::atomic<int> left = count;
        std::vector<std::jthread> clients;
        clients.reserve(kClients);
        for (int i = 0; i < kClients; i++) {
            clients.emplace_back([&] {
                while (left-- > 0) {
                    if (const auto time = abort_one()) {
                        const std::scoped_lock lock(mutex);
                        times.push_back(*time);
                    }
                }
            });
        }
        clients.clear();
        std::ranges::sort(times);
        return times;
    }

  private:
    std::vector<lab::Firewall> firewalls_;
};

TEST_P(StressAborts, NoneIsDoubted) {
    const int count = static_cast<int>(from_environment("FLOWSTAMP_ABORTS", kAborts));
    const lab::Forwarder slow = require(lab::Forwarder::start(lab(), 2, {.link = {.delay = 10ms}}));
    if (GetParam().conntrack) {
        drop_invalid();
    }
    watch(acting(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL));
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(lab::Family::V4), 80},
        [](Fd socket, const lab::WaitLimit& limit) { serve(std::move(socket), limit); });
    const Times times = abort_all(count);
    ASSERT_EQ(times.size(), static_cast<std::size_t>(count)) << "not ended by a reset";
    std::this_thread::sleep_for(100ms);
    const WatchLog log = watch_->stop();
    EXPECT_GE(log.resets.size(), static_cast<std::size_t>(count)) << log.text();
    expect_no_suspects(log);
    fmt::print(
        "{} aborts: after the last byte {} ms at the median, {} at the most; {} challenged\n",
        count, times[times.size() / 2].count(), times.back().count(),
        log.count(FST_COUNT_CHALLENGED));
}

std::vector<Kind> kinds() {
    std::vector<Kind> all;
    for (const bool conntrack : {false, true}) {
        for (const Abort abort : {Abort::AtOnce, Abort::LingerZero, Abort::CloseUnread,
                                  Abort::Vanish, Abort::AfterKeepalive, Abort::OurOwn}) {
            all.push_back({abort, conntrack});
        }
    }
    return all;
}

std::string kind_name(const ::testing::TestParamInfo<Kind>& info) {
    constexpr std::array names = {"AtOnce", "LingerZero",     "CloseUnread",
                                  "Vanish", "AfterKeepalive", "OurOwn"};
    return std::string(names.at(static_cast<std::size_t>(info.param.abort))) +
           (info.param.conntrack ? "Conntrack" : "");
}

INSTANTIATE_TEST_SUITE_P(Kinds, StressAborts, ::testing::ValuesIn(kinds()), kind_name);

}  // namespace
}  // namespace flowstamp::lab
