// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A forger at the peer's own distance, who answers our challenges as the peer would, on a stream that flows.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerMimic : public DatapathForger {
  protected:
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

}  // namespace
}  // namespace flowstamp::testing
