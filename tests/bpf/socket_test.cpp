// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A reset of a connection that looks ended here, while this host's own stack has it open: the stack is asked.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/bpf/kernel_rig.h"
#include "tests/datapath/conversation.h"
#include "user/base/fd.h"

namespace flowstamp::testing {
namespace {

constexpr char kPeer[] = "198.51.100.7", kUs[] = "192.0.2.1";

sockaddr_in address_of(const char* text, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
}

/// A connection of real sockets between a conversation's ends, both in this network namespace.
class RealConnection {
  public:
    explicit RealConnection(const Conversation& talk) {
        const sockaddr_in peer = address_of(kPeer, talk.port(End::peer)),
                          us = address_of(kUs, talk.port(End::us));
        EXPECT_EQ(::bind(listener_.get(), raw(peer), sizeof(peer)), 0);
        EXPECT_EQ(::listen(listener_.get(), 1), 0);
        EXPECT_EQ(::bind(ours_.get(), raw(us), sizeof(us)), 0);
        EXPECT_EQ(::connect(ours_.get(), raw(peer), sizeof(peer)), 0);
        theirs_ = Fd(::accept(listener_.get(), nullptr, nullptr));
        EXPECT_TRUE(theirs_);
    }
    /// The peer closes its side, then we ours, and no ACK of our FIN comes: ours is in LAST_ACK.
    void close_unheard() {
        EXPECT_EQ(::shutdown(theirs_.get(), SHUT_WR), 0);
        char nothing = 0;
        EXPECT_EQ(::recv(ours_.get(), &nothing, 1, 0), 0);
        EXPECT_EQ(std::system("ip addr del 198.51.100.7/32 dev lo"), 0);
        ours_.reset();
    }
    /// We close, then the peer: ours is in TIME_WAIT.
    void close() {
        ours_.reset();
        theirs_.reset();
    }

  private:
    static const sockaddr* raw(const sockaddr_in& address) {
        return reinterpret_cast<const sockaddr*>(&address);
    }
    static Fd tcp() { return Fd(::socket(AF_INET, SOCK_STREAM, 0)); }
    Fd listener_ = tcp(), ours_ = tcp(), theirs_;
};

/// Ours, in SYN_SENT: nothing answers.
class OpeningSocket {
  public:
    explicit OpeningSocket(const Conversation& talk) {
        const sockaddr_in peer = address_of(kPeer, talk.port(End::peer)),
                          us = address_of(kUs, talk.port(End::us));
        EXPECT_EQ(std::system("iptables -A INPUT -d 198.51.100.7 -j DROP"), 0);
        EXPECT_EQ(::bind(ours_.get(), reinterpret_cast<const sockaddr*>(&us), sizeof(us)), 0);
        EXPECT_EQ(::connect(ours_.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)),
                  -1);
        EXPECT_EQ(errno, EINPROGRESS);
    }

  private:
    Fd ours_{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
};

/// In a network namespace of its own, in which both ends are.
template <class Work>
void in_own_namespace(Work work) {
    std::thread([&] {
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        ASSERT_EQ(std::system("ip link set lo up && ip addr add 198.51.100.7/32 dev lo && "
                              "ip addr add 192.0.2.1/32 dev lo"),
                  0);
        work();
    }).join();
}

class Socket : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!rig_) {
            GTEST_SKIP() << "needs root";
        }
        fst_policy policy{};
        policy.drop_mode = FST_DROP_CONFIRMED;
        policy.challenge_mode = FST_CHALLENGE_ALL;
        rig_->set_policy(policy);
    }
    /// What the programs see of the connection ends.
    static void end(Conversation& talk) {
        talk.send(End::us, Fin | Ack);
        talk.send(End::peer, Fin | Ack);
        talk.send(End::us, Ack);
        talk.pass_ms(50);
    }
    /// In the peer's name, with another number.
    void send_other_syn(fst_hook hook, Conversation& talk) {
        Segment syn = talk.next(End::peer, Syn);
        syn.seq += 0x30000000;
        syn.ack = 0;
        rig_->run(hook, {.bytes = talk.encode(syn)});
    }
    /// At each hook: what the programs see of a connection, which two real sockets have, in a namespace of its own.
    template <class Work>
    void with_connection(Work work) {
        for (const fst_hook hook : {FST_HOOK_XDP, FST_HOOK_TC_INGRESS}) {
            in_own_namespace([&] {
                SCOPED_TRACE(static_cast<int>(hook));
                Conversation talk(*rig_, hook);
                talk.open().exchange(3);
                RealConnection connection(talk);
                work(hook, talk, connection);
            });
        }
    }
    fst_judgement judged(fst_hook hook, Conversation& talk) {
        const Bytes reset = talk.encode(talk.stateless_reset());
        return rig_->run(hook, {.bytes = reset}).judgement();
    }

    std::unique_ptr<KernelRig> rig_ = make_kernel_rig({.acting = true, .max_flows = 1024});
};

TEST_F(Socket, AConnectionThatItHasOpenIsNotClosed) {
    with_connection([this](fst_hook hook, Conversation& talk, RealConnection& connection) {
        end(talk);
        EXPECT_EQ(judged(hook, talk).action, FST_ACTION_CHALLENGED);
        connection.close();
        EXPECT_EQ(judged(hook, talk).pass_reason, FST_PASS_CLOSED);
    });
}

/// Bytes of ours may still be on their way behind both FINs.
TEST_F(Socket, NorIsOneWhoseFinIsNotAcknowledged) {
    with_connection([this](fst_hook hook, Conversation& talk, RealConnection& connection) {
        end(talk);
        connection.close_unheard();
        EXPECT_EQ(judged(hook, talk).action, FST_ACTION_CHALLENGED);
    });
}

/// Nor does a SYN from outside begin another one in its place.
TEST_F(Socket, WhatItHasNoSynFromOutsideTakes) {
    with_connection([this](fst_hook hook, Conversation& talk, RealConnection& connection) {
        end(talk);
        const Bytes reset = talk.encode(talk.stateless_reset());
        const std::uint32_t generation = talk.flow().generation;
        send_other_syn(hook, talk);
        EXPECT_EQ(talk.flow().generation, generation);
        EXPECT_EQ(rig_->run(hook, {.bytes = reset}).judgement().action, FST_ACTION_CHALLENGED);
        connection.close();
        send_other_syn(hook, talk);
        EXPECT_NE(talk.flow().generation, generation) << "it is over: another one may begin";
    });
}

/// A reset that the stack ignores before the connection is open ends nothing either.
TEST_F(Socket, NorWhatItIsOpening) {
    for (const fst_hook hook : {FST_HOOK_XDP, FST_HOOK_TC_INGRESS}) {
        in_own_namespace([&] {
            SCOPED_TRACE(static_cast<int>(hook));
            Conversation talk(*rig_, hook);
            const OpeningSocket opening(talk);
            talk.send(End::us, Syn);
            talk.pass_ms(20);
            rig_->run(hook, {.bytes = talk.encode(talk.next(End::peer, Rst | Ack))});
            const std::uint32_t generation = talk.flow().generation;
            Segment signed_syn = talk.next(End::peer, Syn);
            signed_syn.ack = 0;
            signed_syn.options = {RawOption{.kind = 19, .data = Bytes(16, 0x70)}};
            signed_syn.timestamps.reset();
            rig_->run(hook, {.bytes = talk.encode(signed_syn)});
            EXPECT_EQ(talk.flow().generation, generation);
            EXPECT_FALSE(talk.state_has(FST_FLOW_SYN, End::peer));
        });
    }
}

}  // namespace
}  // namespace flowstamp::testing
