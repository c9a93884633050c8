// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A forger at the peer's own distance, who answers our challenges as the peer would, on a stream that flows.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

/// What the peer sends, a burst of segments at a time, and our ACK of each; and the times of a forger who sees it.
class Stream {
  public:
    explicit Stream(Conversation& talk, std::uint64_t gap_us, int burst = 1)
        : talk_(talk), gap_us_(gap_us), burst_(burst) {}
    /// Until so long after its first segment.
    void until(std::uint64_t us) {
        for (; next_us_ <= us; next_us_ += gap_us_) {
            pass_to(next_us_);
            for (int i = 0; i < burst_; i++) {
                talk_.send(End::peer, Psh | Ack, 200);
            }
            answer();
        }
        pass_to(us);
    }
    /// Our stack's ACK, as of a challenge.
    void answer() {
        pass_to(now_us_ + 50);
        talk_.send(End::us, Ack);
    }

  private:
    void pass_to(std::uint64_t us) {
        if (us > now_us_) {
            talk_.pass_us(us - now_us_);
            now_us_ = us;
        }
    }
    Conversation& talk_;
    std::uint64_t gap_us_;
    int burst_;
    std::uint64_t now_us_ = 0;
    std::uint64_t next_us_ = 0;
};

class DatapathForgerMimic : public DatapathForger {
  protected:
    static constexpr std::uint64_t kRttUs = 40'000;

    /// Resets at the number that our stack asks for, each as early after our ACK of the one before as is an answer.
    void expect_answers_refused(Conversation& talk, Stream& stream, std::uint64_t first_us,
                                std::uint64_t rtt_us) {
        for (int i = 0; i < 6; i++) {
            stream.until(first_us);
            expect_refused(talk, talk.stateless_reset());
            stream.answer();
            first_us += rtt_us * 9 / 10;
        }
    }
    static Setting hard_to_tell() {
        Setting setting;
        setting.peer.timestamps = setting.us.timestamps = false;
        setting.peer.ids = Ids::random;
        return setting;
    }
    /// The peer sends 200 bytes each 5 ms, and the mimic answers our ACK a round trip later.
    void expect_refused_while_it_flows(Conversation& talk) {
        inject(talk, mimic(talk));
        for (int i = 0; i < 12; i++) {
            for (int data = 0; data < 4; data++) {
                talk.pass_us(50);
                talk.send(End::us, Ack);
                talk.pass_us(4950);
                talk.send(End::peer, Psh | Ack, 200);
            }
            talk.send(End::us, Ack);
            expect_refused(talk, talk.stateless_reset());
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerMimic, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// A box nearby that answers each packet: whatever our end sends, and however long it rested before, as when the stack is
/// asked again.
TEST_P(DatapathForgerMimic, WhoAnswersAtOnceUpholdsNothing) {
    for (const std::uint64_t rest_ms : {70, 200, 500, 900}) {
        SCOPED_TRACE(rest_ms);
        protect();
        Conversation talk = established();
        inject(talk, mimic(talk));
        talk.pass_us(50);
        talk.send(End::us, Ack);
        for (int i = 0; i < 6; i++) {
            talk.pass_ms(rest_ms);
            talk.send(End::us, Ack);
            talk.pass_us(600);
            expect_refused(talk, talk.stateless_reset());
        }
    }
}

/// The peer's own answer to what our end sends after a rest comes a round trip after that.
TEST_P(DatapathForgerMimic, WhoIsAskedAgainAnswersInTime) {
    protect();
    Conversation talk = established();
    inject(talk, mimic(talk));
    talk.pass_us(50);
    talk.send(End::us, Ack);
    talk.pass_ms(200);
    talk.send(End::us, Ack);
    talk.pass_us(kRttUs);
    EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_ANSWER);
}

TEST_P(DatapathForgerMimic, AStreamThatFlowsIsEndedByNone) {
    protect();
    Conversation talk = established(hard_to_tell());
    expect_refused_while_it_flows(talk);
}

/// Damaged segments, in order, would make what the peer sends look as if it were sent again. How far it has come,
/// our own stack's ACKs tell.
TEST_P(DatapathForgerMimic, NorBehindDamagedSegments) {
    protect();
    Conversation talk = established(hard_to_tell());
    Segment damaged = talk.next(End::peer, Psh | Ack, 1400);
    damaged.checksum = Checksum::Wrong;
    for (int i = 0; i < 30; i++) {
        inject(talk, damaged);
        damaged.seq += 1400;
        damaged.id++;
    }
    expect_refused_while_it_flows(talk);
}

/// A reset in the window that answers nothing says nothing about where its sender would go on.
TEST_P(DatapathForgerMimic, NorBesideResetsAtTheWindowsEnd) {
    for (const bool begins_there : {false, true}) {
        for (const bool timestamps : {false, true}) {
            protect();
            Setting setting = hard_to_tell();
            setting.rtt_us = kRttUs;
            setting.peer.timestamps = setting.us.timestamps = timestamps;
            Conversation talk = established(setting);
            Stream stream(talk, 5'000);
            std::uint64_t at_us = 601'000;
            const auto at_the_end = [&] {
                Segment far = talk.stateless_reset();
                far.seq += 30'000;
                stream.until(at_us + 11'000);
                expect_refused(talk, far);
            };
            SCOPED_TRACE(::testing::Message() << begins_there << timestamps);
            stream.until(100'000);
            if (timestamps) {  // the clock is made fast: it is no sign of life any more
                Segment fast = talk.next(End::peer, Ack);
                fast.timestamps->val += 300;
                inject(talk, fast);
            }
            stream.until(at_us - 12'000);
            if (begins_there) {
                at_us -= 12'000;
                at_the_end();
                at_us += 12'000;
            }
            for (int i = 0; i < 6; i++) {
                stream.until(at_us);
                expect_refused(talk, talk.stateless_reset());
                stream.answer();
                at_the_end();
                at_us += kRttUs * 9 / 10;
            }
        }
    }
}

/// The first reset moves the peer's clock ahead, so that no clock shows its life for a tenth of a second.
TEST_P(DatapathForgerMimic, NorBehindAResetThatMovesTheClock) {
    protect();
    Setting setting;
    setting.rtt_us = kRttUs;
    setting.peer.ids = Ids::random;
    Conversation talk = established(setting);
    Stream stream(talk, 20'000);
    stream.until(102'000);
    Segment first = mimic(talk);
    first.timestamps->val += 97;
    expect_refused(talk, first);
    stream.answer();
    for (const std::uint64_t at_us : {142'000U, 182'000U}) {
        stream.until(at_us);
        expect_refused(talk, talk.stateless_reset());
        stream.answer();
        stream.until(at_us + 11'500);
        Segment far = talk.stateless_reset();
        far.seq += 30'000;
        expect_refused(talk, far);
    }
    stream.until(232'000);
    expect_refused(talk, talk.stateless_reset());
}

/// A reset that is dropped in between makes nothing forgotten of what was heard.
TEST_P(DatapathForgerMimic, NorBesideOneThatIsDropped) {
    protect();
    Setting setting = hard_to_tell();
    setting.rtt_us = kRttUs;
    Conversation talk = established(setting);
    Stream stream(talk, 21'000, 10);
    stream.until(207'000);
    for (int i = 0; i < 2; i++) {
        expect_refused(talk, talk.stateless_reset());
        stream.answer();
        stream.until(207'000 + 36'500);
    }
    stream.until(250'000);
    expect_refused(talk, crude(talk));
    stream.answer();
    stream.until(250'000 + 35'500);
    expect_refused(talk, talk.stateless_reset());
}

/// However the peer's data looks here, as copies or too old, or if it does not pass here at all: what our stack takes in it
/// acknowledges, and an answer is one to its latest number.
TEST_P(DatapathForgerMimic, NorWhereItsDataIsNotSeen) {
    protect();
    for (const bool timestamps : {false, true}) {
        Setting setting = hard_to_tell();
        setting.rtt_us = kRttUs;
        setting.peer.timestamps = setting.us.timestamps = timestamps;
        Conversation talk = established(setting);
        Segment ours = talk.next(End::us, Ack);
        for (int i = 0; i < 12; i++) {
            for (int data = 0; data < 4; data++) {
                talk.pass_us(9'800);
                ours.ack += 200;
                ours.id++;
                talk.send(ours);
            }
            talk.pass_us(500);
            Segment reset = talk.stateless_reset();
            reset.seq = ours.ack;
            expect_refused(talk, reset);
            talk.pass_us(50);
            ours.id++;
            talk.send(ours);
        }
        // It has gone, and answers each of our ACKs.
        std::uint8_t challenge = FST_CHALLENGE_NONE;
        for (int i = 0; i < 3 && challenge != FST_CHALLENGE_UPHELD; i++) {
            talk.pass_us(kRttUs);
            Segment reset = talk.stateless_reset();
            reset.seq = ours.ack;
            challenge = inject(talk, reset).judgement().challenge;
            talk.pass_us(50);
            ours.id++;
            talk.send(ours);
        }
        EXPECT_EQ(challenge, FST_CHALLENGE_UPHELD);
    }
}

/// A genuine reset right behind data is heard with its first answer; where data was overtaken by it, with the third.
TEST_P(DatapathForgerMimic, AResetThatOvertookDataIsHeardWithItsThirdAnswer) {
    protect();
    for (const bool is_overtaking : {false, true}) {
        Setting setting = hard_to_tell();
        setting.rtt_us = kRttUs;
        Conversation talk = established(setting);
        talk.send(End::peer, Psh | Ack, 200);
        talk.send(End::us, Ack);
        talk.pass_us(100);
        expect_refused(talk, talk.stateless_reset());
        if (is_overtaking) {
            talk.send(End::peer, Psh | Ack, 200);
        }
        for (int i = 0; i < (is_overtaking ? 2 : 0); i++) {
            talk.send(End::us, Ack);
            talk.pass_us(kRttUs);
            expect_refused(talk, talk.stateless_reset());
            talk.pass_us(50);
        }
        talk.send(End::us, Ack);
        talk.pass_us(kRttUs);
        EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().challenge, FST_CHALLENGE_UPHELD);
    }
}

/// A mimic on an idle stream whose reset the stack did not take in: what the peer sends later shows that, and the next
/// reset is asked as any.
TEST_P(DatapathForgerMimic, AnUpheldResetThatWasNotTakenInLicensesNone) {
    protect();
    Setting setting = hard_to_tell();
    setting.rtt_us = kRttUs;
    Conversation talk = established(setting);
    expect_refused(talk, talk.stateless_reset());
    talk.send(End::us, Ack);
    talk.pass_us(kRttUs);
    ASSERT_EQ(inject(talk, talk.stateless_reset()).judgement().challenge, FST_CHALLENGE_UPHELD);
    talk.pass_ms(900);
    talk.send(End::peer, Psh | Ack, 200);
    talk.send(End::us, Ack);
    expect_refused(talk, talk.stateless_reset());
}

}  // namespace
}  // namespace flowstamp::testing
