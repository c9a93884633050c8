// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A protected connection, and who wants a reset to pass on it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/datapath/fixture.h"

namespace flowstamp::testing {

/// Writes the checksum of a frame's IPv4 header (RFC 791): without options, behind Ethernet.
inline void write_ipv4_checksum(Bytes& frame) {
    frame[24] = frame[25] = 0;
    std::uint32_t sum = 0;
    for (std::size_t i = 14; i < 34; i += 2) {
        sum += static_cast<std::uint32_t>(frame[i] << 8U | frame[i + 1]);
    }
    sum = ~((sum & 0xffffU) + (sum >> 16U));
    frame[24] = static_cast<std::uint8_t>(sum >> 8U);
    frame[25] = static_cast<std::uint8_t>(sum);
}

class DatapathForger : public DatapathTest {
  protected:
    void protect() { use(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL); }
    Conversation established(const Setting& setting = {}) {
        Conversation talk(acting(), hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(100);
        return talk;
    }
    /// We have sent our FIN, and the peer has acknowledged it.
    static void close_our_side(Conversation& talk) {
        talk.send(End::us, Fin | Ack);
        talk.pass_ms(20);
        talk.send(End::peer, Ack);
    }
    /// The segment, sent beside the connection: its ends know nothing of it.
    Outcome inject(Conversation& talk, const Segment& segment) {
        return acting().run(hook(), {.bytes = talk.encode(segment)});
    }
    /// From the peer's place and with all of its marks: nothing but a challenge shows it.
    static Segment mimic(Conversation& talk) { return talk.next(End::peer, Rst | Ack); }
    /// Nearer, and with an ID of ours: confirmed on arrival.
    static Segment crude(Conversation& talk) {
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.ttl = static_cast<std::uint8_t>(reset.ttl + 4);
        reset.timestamps.reset();
        reset.id = talk.ids(End::us).back();
        return reset;
    }
    /// The same from one who knows nothing but addresses and ports.
    static Segment blind(Conversation& talk) {
        Segment reset = crude(talk);
        reset.seq += 0x50000000;
        reset.ack += 0x50000000;
        return reset;
    }
    void expect_refused(Conversation& talk, const Segment& reset) {
        const fst_judgement judged = inject(talk, reset).judgement();
        EXPECT_NE(judged.action, FST_ACTION_OBSERVED)
            << "verdict " << int(judged.verdict) << ", passed: " << int(judged.pass_reason);
    }
};

/// A TCP option of this kind, with some contents.
inline RawOption option_of(std::uint8_t kind) {
    return {.kind = kind, .data = Bytes(10, 0x70)};
}

}  // namespace flowstamp::testing
