// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/icmp_rejected.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct IcmpRejectedTest : ::testing::Test {
    /// An ICMP error of a router about our segment.
    void reject(std::uint8_t type, std::uint8_t code, std::uint8_t ttl = 61) {
        const Tcp ours{.src_port = talk.port(End::us),
                       .dst_port = talk.port(End::peer),
                       .seq = talk.edge(End::us)};
        const Quoted quoted(Ethernet{} / Ipv4{} / ours, 28);
        const Bytes error =
            (Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1", .ttl = ttl} /
             Icmp{.type = type, .code = code} / quoted)
                .bytes();
        bench.rig().run(FST_HOOK_XDP, {.bytes = error});
    }
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(IcmpRejectedTest, ReportsSenderDistanceAndReason) {
    talk.send(End::us, Syn);
    reject(3, 13);
    ASSERT_EQ(bench.findings_text(), "icmp-rejected confirmed");
    EXPECT_EQ(output::summary_text(bench.findings()[0]),
              "203.0.113.9, 3 hops away, rejects packets from 192.0.2.1 to 198.51.100.7:443: "
              "communication administratively prohibited.");
    reject(3, 13);
    EXPECT_EQ(bench.findings().size(), 1U) << "once";
}

TEST_F(IcmpRejectedTest, OnlyRejections) {
    talk.send(End::us, Syn);
    reject(3, 4);   // fragmentation needed
    reject(12, 0);  // parameter problem
    EXPECT_EQ(bench.findings_text(), "");
}

/// The error is the answer: none is missing.
TEST_F(IcmpRejectedTest, ARejectedSynIsNotUnanswered) {
    const Segment syn = talk.next(End::us, Syn);
    for (int i = 0; i < 4; i++) {
        talk.send(syn);
        reject(3, 10);
        bench.pass(1s);
    }
    EXPECT_EQ(bench.findings_text(), "icmp-rejected confirmed");
}

TEST_F(IcmpRejectedTest, AnEstablishedConnectionContinues) {
    talk.open().exchange();
    reject(3, 1);
    ASSERT_EQ(bench.findings_text(), "icmp-rejected confirmed");
    EXPECT_NE(output::summary_text(bench.findings()[0])
                  .find("An established connection outlives such errors"),
              std::string::npos);
}

/// Some routers start at a TTL of their own (Meraki: 200).
TEST_F(IcmpRejectedTest, ATtlThatNoHostStartsNearTellsNoDistance) {
    talk.send(End::us, Syn);
    reject(3, 13, 200);
    EXPECT_EQ(output::summary_text(bench.findings()[0]),
              "203.0.113.9 rejects packets from 192.0.2.1 to 198.51.100.7:443: communication "
              "administratively prohibited.");
}

}  // namespace
}  // namespace flowstamp::testing
