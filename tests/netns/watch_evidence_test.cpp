// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `watch --evidence`: a forged reset's file holds what came before and after it, and convinces a
// replay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/netns/watch_fixture.h"
#include "tests/support/evidence_of.h"
#include "user/lab/injector.h"
#include "user/net/endpoint.h"

namespace flowstamp::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace fs = std::filesystem;

class WatchEvidence : public WatchTest, public ::testing::WithParamInterface<lab::Family> {
  protected:
    ~WatchEvidence() override { fs::remove_all(parent_); }

    /// A download whose connection a router resets in the server's name, from nearer.
    lab::Outcome download_with_forgery() {
        const lab::Server server = require(lab::Server::start(
            lab().server(),
            {.family = GetParam(), .pace = {.chunk_bytes = 16'384, .pause = 40ms}}));
        const lab::Injector injector = require(lab::Injector::start(
            lab().router(2), {.trigger = {.after_server_bytes = 100'000},
                              .forgery = {.flags = Rst, .window = lab::Window::constant(1000)}}));
        return lab::download(lab().client(), to_server(400'000, GetParam())).outcome;
    }
    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder())) {
            names.push_back(entry.path().string());
        }
        return names;
    }
    [[nodiscard]] std::string folder() const { return parent_ + "/evidence"; }

    std::string parent_ = [] {
        std::string path = "/tmp/flowstamp-evidence-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
};

std::string bytes_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// epb_verdict of a packet that went on to the stack, changed into a challenge: TCX_NEXT or XDP_PASS.
bool holds_a_verdict(const std::string& file) {
    const std::string head("\x07\x00\x09\x00", 4);
    return file.find(head + "\x01" + std::string(8, '\xff')) != std::string::npos ||
           file.find(head + "\x02\x02" + std::string(7, '\0')) != std::string::npos;
}

TEST_P(WatchEvidence, OfARefusedResetShowsWhatWentOn) {
    cmd::WatchOptions options = acting(FST_DROP_CONFIRMED);
    options.evidence.folder = folder();
    watch(options);
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    const WatchLog log = watch_->stop();
    ASSERT_THAT(log.findings, SizeIs(1)) << log.text();
    ASSERT_THAT(files(), ElementsAre(HasSubstr("Z-forged-rst-1.pcapng"))) << log.text();
    const std::string file = bytes_of(files()[0]);
    EXPECT_THAT(file, HasSubstr("FORGED: "));
    EXPECT_THAT(file, HasSubstr("baseline: "));
    EXPECT_THAT(file, HasSubstr(" ingress"));
    EXPECT_THAT(file, HasSubstr(" egress"));
    EXPECT_TRUE(holds_a_verdict(file));

    const auto again = flowstamp::testing::replay_evidence(files()[0]);
    EXPECT_TRUE(again.read);
    const auto findings = again.of("finding");
    ASSERT_THAT(findings, ::testing::Not(IsEmpty()));
    EXPECT_EQ(findings.back()["finding"]["kind"], "forged-rst");
    EXPECT_EQ(findings.back()["finding"]["verdict"], "confirmed");
    EXPECT_EQ(findings.back()["packet"]["tcpseq"], log.findings[0].last.sighting.packet.seq);
}

TEST_P(WatchEvidence, CanBeWithoutAddresses) {
    cmd::WatchOptions options = acting(FST_DROP_CONFIRMED);
    options.evidence.folder = folder();
    options.evidence.anonymize = parent_ + "/key";
    std::ofstream(*options.evidence.anonymize) << std::string(32, 'k');
    fs::permissions(*options.evidence.anonymize, fs::perms::owner_read);
    watch(options);
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    const WatchLog log = watch_->stop();
    ASSERT_THAT(log.findings, SizeIs(1)) << log.text();
    ASSERT_THAT(files(), SizeIs(1)) << log.text();
    const std::string file = bytes_of(files()[0]);
    const fst_packet& packet = log.findings[0].last.sighting.packet;
    for (const net::Endpoint& end : {net::sender_of(packet), net::receiver_of(packet)}) {
        const std::string bytes(end.address.begin() + (end.is_v4() ? 12 : 0), end.address.end());
        EXPECT_FALSE(file.contains(end.ip_text()));
        EXPECT_FALSE(file.contains(bytes));
    }
    EXPECT_TRUE(file.contains("FORGED: "));
    const auto findings = flowstamp::testing::replay_evidence(files()[0]).of("finding");
    ASSERT_THAT(findings, ::testing::Not(IsEmpty()));
    EXPECT_EQ(findings.back()["finding"]["kind"], "forged-rst");
    EXPECT_EQ(findings.back()["finding"]["verdict"], "confirmed");
    EXPECT_EQ(findings.back()["packet"]["tcpseq"], packet.seq);
}

TEST_P(WatchEvidence, OfAnHonestConnectionIsNone) {
    cmd::WatchOptions options;
    options.evidence.folder = folder();
    watch(options);
    {
        const lab::Server server =
            require(lab::Server::start(lab().server(), {.family = GetParam()}));
        EXPECT_EQ(lab::download(lab().client(), to_server(100'000, GetParam())).outcome,
                  lab::Outcome::Complete);
    }
    const WatchLog log = watch_->stop();
    EXPECT_THAT(log.findings, IsEmpty()) << log.text();
    EXPECT_THAT(files(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Families, WatchEvidence, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
