// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` where the ruleset as it is read afterwards shows another rule than the one that dropped the packets: no
// such rule is ever certain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/netns/live_path.h"
#include "user/lab/socket.h"

namespace flowstamp::lab {
namespace {

/// client -- router -- server.
class PathDoubt : public LivePathTest {
  protected:
    LivePath& follow_all() { return follow(router(), "udp port 10172"); }
    void forward(const std::string& rules, const std::string& sets = "") {
        nft(router(), "table inet t {\n" + sets +
                          "chain f { type filter hook forward priority 0;\n" + rules + "\n};\n}");
    }
    /// From one socket: one flow.
    void send_on(unsigned count) {
        if (!socket_) {
            socket_ = lab().client().run_in(
                [] { return Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
        }
        SocketAddress to({lab().server().address(Family::V4), 10172});
        for (unsigned i = 0; i < count; i++) {
            EXPECT_EQ(sendto(socket_.get(), "x", 1, 0, to.get(), to.length), 1);
        }
    }
    /// What is said of them in the end.
    static netfilter::DropAttribution last_of(LivePath& path) {
        path.stop();
        netfilter::DropAttribution last;
        for (const pathtrace::PathReport& each : path.reports()) {
            if (each.drop && each.drop->attribution) {
                last = *each.drop->attribution;
            }
        }
        return last;
    }
    /// Certain of the latest packets at most, and that is said.
    static void expect_the_latest(LivePath& path) {
        const netfilter::DropAttribution said = last_of(path);
        EXPECT_NE(said.text, "") << testing::PrintToString(path.reports());
        if (said.certainty == netfilter::Certainty::certain) {
            EXPECT_THAT(said.why, ::testing::HasSubstr("it dropped the latest of them"))
                << words_of(said);
        }
    }
    static void expect_no_certainty(LivePath& path) {
        const netfilter::DropAttribution said = last_of(path);
        EXPECT_NE(said.text, "") << testing::PrintToString(path.reports());
        EXPECT_EQ(said.certainty, netfilter::Certainty::probable)
            << words_of(said) << ": " << said.why;
    }

  private:
    Fd socket_;
};

/// The packet that is dropped puts its own sender into the set, by which a rule before would have dropped it.
TEST_F(PathDoubt, ASetThatThePacketItselfFills) {
    forward("ip saddr @bl drop\nudp dport 10172 add @bl { ip saddr } drop",
            "set bl { type ipv4_addr; flags dynamic,timeout; timeout 1m; }\n");
    LivePath& path = follow_all();
    send_on(1);
    ASSERT_TRUE(path.wait_for(pathtrace::PacketPath::End::dropped));
    std::this_thread::sleep_for(1s);
    expect_no_certainty(path);
}

TEST_F(PathDoubt, AnElementThatIsRemovedRightAfter) {
    const std::string client = lab().client().toward(Side::Server).ipv4.text();
    forward("ip saddr @bl drop\nudp dport 10172 drop",
            "set bl { type ipv4_addr; elements = { " + client + " }; }\n");
    LivePath& path = follow_all();
    send_on(1);
    nft(router(), "delete element inet t bl { " + client + " }");
    ASSERT_TRUE(path.wait_for(pathtrace::PacketPath::End::dropped));
    std::this_thread::sleep_for(1s);
    expect_no_certainty(path);
}

/// The quota drops the first ones itself, and the rule behind it the rest.
TEST_F(PathDoubt, TheLatestSayNothingOfTheEarlierOnes) {
    forward("udp dport 10172 quota over 100 bytes counter drop\nudp dport 10172 counter drop");
    LivePath& path = follow_all();
    send_on(8);
    ASSERT_TRUE(path.wait_for(pathtrace::PacketPath::End::dropped));
    std::this_thread::sleep_for(1500ms);
    for (int i = 0; i < 3; i++) {
        send_on(4);
        std::this_thread::sleep_for(700ms);
    }
    std::this_thread::sleep_for(1s);
    expect_the_latest(path);
}

TEST_F(PathDoubt, ARuleThatIsDeletedMeanwhile) {
    forward("udp length 5-1000 drop\nudp dport 10172 drop");
    LivePath& path = follow_all();
    send_on(6);
    ASSERT_TRUE(path.wait_for(pathtrace::PacketPath::End::dropped));
    std::this_thread::sleep_for(1s);
    nft(router(), "flush chain inet t f; add rule inet t f udp dport 10172 drop");
    ASSERT_TRUE(path.wait_for_notice("the ruleset has changed"));
    send_on(6);
    std::this_thread::sleep_for(1500ms);
    expect_the_latest(path);
}

}  // namespace
}  // namespace flowstamp::lab
