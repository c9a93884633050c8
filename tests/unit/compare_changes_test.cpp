// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/recorded_path.h"

namespace flowstamp::testing {
namespace {

using analysis::Finding;
using analysis::FindingKind;
using analysis::Phrase;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// What is said of the first connection, without the sentence that names the captures.
std::vector<Phrase> changes(const RecordedPath& path) {
    std::vector<Phrase> phrases;
    for (const Finding& finding : path.compared().findings) {
        if (finding.kind == FindingKind::changed) {
            for (std::size_t i = 1; i < finding.summary.size(); i++) {
                phrases.push_back(finding.summary[i].phrase);
            }
            break;
        }
    }
    return phrases;
}

const std::vector<TcpOption> kOptions = {Mss{1460}, SackPermitted{}, WindowScale{7},
                                         Timestamps{1, 0}};

/// The SYN with these options arrives with those.
RecordedPath with_syn(const std::vector<TcpOption>& received) {
    RecordedPath path;
    const Tcp syn{.seq = path.client_next++, .flags = Syn, .options = kOptions};
    Tcp changed = syn;
    changed.options = received;
    path.from_client(syn, 0, {.changed = changed});
    path.now += 10ms;
    path.from_server({.seq = path.server_next++, .ack = path.client_next, .flags = Syn | Ack});
    path.now += 10ms;
    path.upload(5);
    return path;
}

TEST(CompareChanges, OfAPlainPathAreNone) {
    EXPECT_THAT(changes(with_syn(kOptions)), IsEmpty());
}

TEST(CompareChanges, TheMssIsClamped) {
    EXPECT_THAT(changes(with_syn({Mss{1400}, SackPermitted{}, WindowScale{7}, Timestamps{1, 0}})),
                ElementsAre(Phrase::changed_mss));
}

TEST(CompareChanges, OptionsAreStripped) {
    EXPECT_THAT(changes(with_syn({Mss{1460}, WindowScale{7}})),
                ElementsAre(Phrase::changed_options));
}

TEST(CompareChanges, TheWindowScaleIsAnother) {
    EXPECT_THAT(changes(with_syn({Mss{1460}, SackPermitted{}, WindowScale{2}, Timestamps{1, 0}})),
                ElementsAre(Phrase::changed_wscale));
}

/// Rebuilt headers, as of `watch --stamps`, have no options at all.
TEST(CompareChanges, AFileWithoutAnyOptionsSaysNothingOfThem) {
    EXPECT_THAT(changes(with_syn({})), IsEmpty());
}

TEST(CompareChanges, AddressesAndPortsAreTranslated) {
    RecordedPath path;
    path.client_at_b = "203.0.113.9";
    path.client_port_at_b = 61000;
    path.open();
    path.upload(5);
    EXPECT_THAT(changes(path), ElementsAre(Phrase::changed_end));
}

TEST(CompareChanges, MarksAreRewritten) {
    RecordedPath path;
    path.open();
    path.upload(6, 100, {.tos = 0xb8 | 2, .received_tos = 0});
    EXPECT_THAT(changes(path), UnorderedElementsAre(Phrase::changed_dscp, Phrase::changed_ecn));
}

/// RFC 3168: congestion is marked on the way.
TEST(CompareChanges, CongestionMarksAreNoChange) {
    RecordedPath path;
    path.open();
    path.upload(6, 100, {.tos = 2, .received_tos = 3});
    EXPECT_THAT(changes(path), IsEmpty());
}

TEST(CompareChanges, OnePacketIsNoHabit) {
    RecordedPath path;
    path.open();
    path.upload(1, 100, {.tos = 0xb8, .received_tos = 0});
    path.upload(6);
    EXPECT_THAT(changes(path), IsEmpty());
}

}  // namespace
}  // namespace flowstamp::testing
