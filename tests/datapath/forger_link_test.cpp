// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Frames that the host's link layer hands to no stack, or to another end than the connection's own.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerLink : public DatapathForger {
  protected:
    static constexpr std::ptrdiff_t kMacs = 12;

    struct Wrapping {
        const char* name;
        Bytes headers;        ///< behind the frame's MAC addresses
        std::ptrdiff_t skip;  ///< bytes of the segment's own frame that are not in it
    };
    static std::vector<Wrapping> wrappings() {
        return {{"a label", {0x88, 0x47, 0x00, 0x10, 0x01, 0x40}, 14},
                {"a pseudowire", {0x88, 0x47, 0x00, 0x10, 0x01, 0x40, 0, 0, 0, 0}, 0},
                {"a group tag", {0x89, 0x09, 0x01, 0x01, 0x00, 0x01, 0x00, 0x07, 0x08, 0x00}, 14},
                {"Ethernet in Ethernet", {0x65, 0x58}, 0}};
    }
    static Bytes wrapped(const Conversation& talk, const Segment& segment, const Wrapping& in) {
        const Bytes frame = talk.encode(segment);
        Bytes whole(frame.begin(), frame.begin() + kMacs);
        whole.insert(whole.end(), in.headers.begin(), in.headers.end());
        whole.insert(whole.end(), frame.begin() + in.skip, frame.end());
        return whole;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerLink, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// A stack takes in neither labels nor tags that nobody has set up, nor a frame in a frame.
TEST_P(DatapathForgerLink, WhatIsWrappedMovesNothing) {
    protect();
    for (const Wrapping& in : wrappings()) {
        SCOPED_TRACE(in.name);
        Conversation talk = established();
        const fst_direction before = talk.direction(End::peer);
        acting().run(hook(), {.bytes = wrapped(talk, talk.next(End::peer, Psh | Ack, 100), in)});
        EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
        EXPECT_EQ(talk.direction(End::peer).packets, before.packets);
    }
}

/// Nor does the question that is made of such a reset reach it.
TEST_P(DatapathForgerLink, WhatIsWrappedHoldsNoGenuineResetUp) {
    protect();
    for (const Wrapping& in : wrappings()) {
        SCOPED_TRACE(in.name);
        Conversation talk = established();
        EXPECT_TRUE(acting().run(hook(), {.bytes = wrapped(talk, mimic(talk), in)}).dropped);
        talk.pass_us(200);
        EXPECT_FALSE(inject(talk, mimic(talk)).dropped);
    }
}

TEST_P(DatapathForgerLink, AWrappedSynAckIsNone) {
    protect();
    for (const Wrapping& in : wrappings()) {
        SCOPED_TRACE(in.name);
        Conversation talk(acting(), hook());
        talk.send(End::us, Syn);
        talk.pass_ms(5);
        acting().run(hook(), {.bytes = wrapped(talk, talk.next(End::peer, Syn | Ack), in)});
        EXPECT_FALSE(talk.state_has(FST_FLOW_SYN_ACK, End::peer));
    }
}

}  // namespace
}  // namespace flowstamp::testing
