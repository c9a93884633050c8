// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A host with a real ruleset, packets that it really drops, and the rule that is named.
#pragma once

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "tests/netns/lab_fixture.h"
#include "user/lab/address.h"
#include "user/netfilter/drop_attribution.h"
#include "user/netfilter/read_ruleset.h"

namespace flowstamp::lab {

inline netfilter::Ruleset ruleset_of(const lab::Namespace& host) {
    return require(host.run_in(netfilter::read_ruleset));
}

/// Sends `count` datagrams from `host` to `to`, ignoring errors.
inline void send_datagrams(const lab::Namespace& host, const lab::IpAddress& to, std::uint16_t port,
                           unsigned count) {
    host.run_in([&] {
        for (unsigned i = 0; i < count; ++i) {
            // A socket each: a refusal of the previous one would fail the next send.
            lab::SocketAddress address({to, port});
            const Fd socket(
                ::socket(address.get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
            EXPECT_EQ(sendto(socket.get(), "x", 1, 0, address.get(), address.length), 1);
        }
    });
}

/// client -- router -- server
class PathTest : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        if (!IsSkipped()) {
            make({.routers = 1});
        }
    }

    static void nft(const lab::Namespace& host, const std::string& ruleset) {
        const Status done = host.require({"nft", "-f", "-"}, ruleset);
        ASSERT_TRUE(done) << done.error().message();
    }
    /// "iptables-legacy -A INPUT ...": its words must not contain spaces.
    static void run(const lab::Namespace& host, const std::string& command) {
        std::istringstream words(command);
        const Argv argv{std::istream_iterator<std::string>(words), {}};
        const Status done = host.require(argv);
        ASSERT_TRUE(done) << done.error().message();
    }

    void send(unsigned count, std::uint16_t port = 10174, lab::Family family = lab::Family::V4) {
        send_datagrams(lab().client(), lab().server().address(family), port, count);
    }

    struct CountedLoss : netfilter::Loss {
        std::uint64_t packets = 0;
    };
    static CountedLoss at(netfilter::NetfilterHook hook, int priority, std::uint64_t packets,
                          netfilter::TableFamily family = netfilter::TableFamily::ip) {
        return {{.family = family, .hook = hook, .passed = priority - 1, .up_to = priority},
                packets};
    }

    /// What is finally found on `host` after `packets`: they may still be in flight at first.
    static void expect_attribution(const lab::Namespace& host, const CountedLoss& loss,
                                   const std::function<void()>& packets,
                                   netfilter::Certainty certainty, const std::string& words,
                                   const std::string& why = {}) {
        const netfilter::Ruleset before = ruleset_of(host);
        packets();
        const auto deadline = std::chrono::steady_clock::now() + 3s;
        std::optional<netfilter::DropAttribution> found;
        for (;;) {
            found = netfilter::attribute_drop(before, ruleset_of(host), loss,
                                              {.packets = loss.packets});
            const bool as_wanted = found && found->certainty == certainty &&
                                   words_of(*found).contains(words) && found->why.contains(why);
            if (as_wanted || std::chrono::steady_clock::now() > deadline) {
                break;
            }
            std::this_thread::sleep_for(20ms);
        }
        ASSERT_TRUE(found);
        EXPECT_THAT(netfilter::words_of(*found), testing::HasSubstr(words));
        EXPECT_THAT(found->why, testing::HasSubstr(why));
        EXPECT_EQ(found->certainty, certainty) << found->why;
    }
};

}  // namespace flowstamp::lab
