// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/nat_escape.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kClient = "192.0.2.1";
constexpr const char* kTranslated = "203.0.113.10";  ///< the address that the client knows
constexpr const char* kServer = "192.0.2.80";        ///< the server behind it
constexpr const char* kStranger = "198.51.100.66";

struct NatEscapeTest : ::testing::Test {
    void put(const char* from, const char* to, const Tcp& tcp, std::size_t payload = 0) {
        Packet packet = Ethernet{} / Ipv4{.src = from, .dst = to, .id = ++latest_id} / tcp;
        if (payload != 0) {
            packet = packet / Packet(filler(payload));
        }
        const Bytes bytes = packet.bytes();
        bench.rig().run(FST_HOOK_XDP, {.bytes = bytes});
        bench.pass(2ms);
    }
    void client(const char* to, std::uint32_t seq, std::uint32_t ack, TcpFlags flags,
                std::size_t payload = 0) {
        const std::uint16_t window = (flags & Rst) != 0 ? 0 : 500;
        put(kClient, to,
            {.src_port = 40000,
             .dst_port = 80,
             .seq = seq,
             .ack = ack,
             .flags = flags,
             .window = window},
            payload);
    }
    void server(const char* from, std::uint32_t seq, std::uint32_t ack, TcpFlags flags,
                std::size_t payload = 0) {
        put(from, kClient,
            {.src_port = 80,
             .dst_port = 40000,
             .seq = seq,
             .ack = ack,
             .flags = flags,
             .window = 500},
            payload);
    }
    /// The client has sent 100 bytes, up to 1100, and the server 200, up to 5201.
    void connect() {
        client(kTranslated, 999, 0, Syn);
        server(kTranslated, 5000, 1000, Syn | Ack);
        client(kTranslated, 1000, 5001, Ack);
        client(kTranslated, 1000, 5001, Psh | Ack, 100);
        server(kTranslated, 5001, 1100, Psh | Ack, 200);
        client(kTranslated, 1100, 5201, Ack);
    }
    AnalysisBench bench;
    std::uint16_t latest_id = 100;
};

TEST_F(NatEscapeTest, AnUntranslatedSegmentThatTheClientResets) {
    connect();
    server(kServer, 5201, 1100, Psh | Ack, 200);
    EXPECT_EQ(bench.findings_text(), "") << "the client has not said yet what it makes of it";
    client(kServer, 1100, 0, Rst);
    ASSERT_EQ(bench.findings_text(), "nat-escape confirmed");
    const std::string summary = output::summary_text(bench.findings()[0]);
    EXPECT_NE(summary.find("A segment of 192.0.2.80:80 reached 192.0.2.1 untranslated: it belongs "
                           "to the connection of 192.0.2.1 with 203.0.113.10:80"),
              std::string::npos)
        << summary;
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("nf_conntrack_tcp_be_liberal"),
              std::string::npos)
        << output::advice_text(bench.findings()[0]);
}

/// Conntrack calls late segments INVALID, which acknowledge less than the client has sent.
TEST_F(NatEscapeTest, ALateSegmentIsSuspected) {
    connect();
    server(kServer, 5001, 1000, Psh | Ack, 200);
    client(kServer, 1000, 0, Rst);
    EXPECT_EQ(bench.findings_text(), "nat-escape suspected");
}

TEST_F(NatEscapeTest, IsReportedOncePerServer) {
    connect();
    for (int i = 0; i < 3; i++) {
        server(kServer, 5201, 1100, Psh | Ack, 200);
        client(kServer, 1100, 0, Rst);
        bench.pass(5s);
    }
    EXPECT_EQ(bench.findings_text(), "nat-escape confirmed");
}

TEST_F(NatEscapeTest, TheConnectionMayHaveBeenJoinedMidway) {
    client(kTranslated, 1000, 5001, Psh | Ack, 100);
    server(kTranslated, 5001, 1100, Psh | Ack, 200);
    server(kServer, 5201, 1100, Psh | Ack, 200);
    client(kServer, 1100, 0, Rst);
    ASSERT_EQ(bench.findings().size(), 1U) << bench.findings_text();
    EXPECT_EQ(bench.findings()[0].kind, analysis::FindingKind::nat_escape);
}

/// Backscatter of a flood with the client's address.
TEST_F(NatEscapeTest, AStraySynAckIsNotReported) {
    connect();
    server(kStranger, 7000, 0x5a5a5a5a, Syn | Ack);
    client(kStranger, 0x5a5a5a5a, 0, Rst);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(NatEscapeTest, AScanByAcksIsNotReported) {
    connect();
    server(kStranger, 0, 0x12345678, Ack);
    client(kStranger, 0x12345678, 0, Rst);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(NatEscapeTest, WithoutAnotherConnectionOfThatPortItIsNotReported) {
    server(kServer, 5201, 1100, Psh | Ack, 200);
    client(kServer, 1100, 0, Rst);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// Both ends know it: it is a connection that was joined midway.
TEST_F(NatEscapeTest, AClientThatAlsoSendsThereIsNotReported) {
    connect();
    server(kServer, 5201, 1100, Psh | Ack, 200);
    client(kServer, 1100, 5401, Ack);
    client(kServer, 1100, 0, Rst);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// The whole answer came back by another way.
TEST_F(NatEscapeTest, ASynAckFromElsewhereIsAReturnPathMismatch) {
    client(kTranslated, 999, 0, Syn);
    server(kServer, 5000, 1000, Syn | Ack);
    client(kServer, 1000, 0, Rst);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "return-path-mismatch confirmed");
}

}  // namespace
}  // namespace flowstamp::testing
