// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence files: what is in them, and that a replay of one finds the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/datapath/capture_rig.h"
#include "tests/datapath/conversation.h"
#include "tests/support/evidence_of.h"

namespace flowstamp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Evidence : public ::testing::Test {
  protected:
    ~Evidence() override { fs::remove_all(parent_); }

    [[nodiscard]] std::string folder() const { return parent_ + "/evidence"; }
    /// The files' names, sorted.
    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder())) {
            names.push_back(entry.path().filename());
        }
        std::ranges::sort(names);
        return names;
    }
    [[nodiscard]] std::string bytes_of(const std::string& name) const {
        std::ifstream in(folder() + "/" + name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    Recorded record(const Bytes& capture, const output::EvidenceLimits& limits = {},
                    std::uint32_t snap_bytes = 0) {
        return record_evidence(std::make_unique<net::MemorySource>(capture), folder(), limits,
                               snap_bytes);
    }

    std::string parent_ = [] {
        std::string path = "/tmp/flowstamp-evidence-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
};

/// A connection that is reset by a box, and goes on.
Bytes capture_of_forgeries(unsigned connections = 1, bool v6 = false) {
    CaptureRig rig;
    for (unsigned i = 0; i < connections; i++) {
        Conversation talk(rig, FST_HOOK_XDP, {.v6 = v6});
        talk.open().exchange(40);
        talk.send(forged_from_nearer(talk));
        talk.pass_ms(30);
        talk.exchange(60);
    }
    return rig.file();
}

/// What must be the same in a replay of the evidence.
std::vector<std::string> told(const Replayed& replayed) {
    std::vector<std::string> all;
    for (const output::Json& event : replayed.of("finding")) {
        const output::Json& finding = event["finding"];
        if (finding["verdict"] == "confirmed") {
            all.push_back(finding["kind"].get<std::string>() + finding["summary"].dump() +
                          finding["evidence"].dump() + event["packet"].dump());
        }
    }
    return all;
}

TEST_F(Evidence, OfAForgedResetConvincesAgain) {
    for (const bool v6 : {false, true}) {
        fs::remove_all(folder());
        const Recorded recorded = record(capture_of_forgeries(1, v6));
        EXPECT_TRUE(recorded.finished);
        ASSERT_THAT(files(), ElementsAre(HasSubstr("Z-forged-rst-1.pcapng")));
        const std::string file = bytes_of(files()[0]);
        EXPECT_THAT(file, HasSubstr("FORGED: "));
        EXPECT_THAT(file, HasSubstr(" of trace.pcap."));
        EXPECT_THAT(file, HasSubstr("baseline: the packets of "));
        EXPECT_LT(file.find("This file: packets of its connection"),
                  file.find(R"("event_type":"finding")"))
            << "words come first";
        EXPECT_THAT(file, HasSubstr(R"("event_type":"finding")"));
        const Replayed again = replay_evidence(folder() + "/" + files()[0]);
        EXPECT_TRUE(again.read);
        EXPECT_THAT(told(again), Not(IsEmpty()));
        EXPECT_EQ(told(again).back(), told(recorded.replayed).back());
    }
}

/// Each confirmed finding has one file, however often it is told.
TEST_F(Evidence, HasAFileForEachFinding) {
    const Recorded recorded = record(capture_of_forgeries(3));
    EXPECT_THAT(files(), SizeIs(3));
    EXPECT_EQ(recorded.left_out, 0U);
}

/// Of 300 packets the first, 32 of each direction before, and 32 after each time that more is known.
TEST_F(Evidence, IsCutToHeadersAndToTheConnectionAroundTheFinding) {
    record(capture_of_forgeries());
    const std::vector<SeenFrame> frames = frames_of(folder() + "/" + files()[0]);
    EXPECT_GE(frames.size(), 8U + 2 * 32 + 32);
    EXPECT_LE(frames.size(), output::EvidenceRecorder::kPackets);
    EXPECT_THAT(bytes_of(files()[0]), HasSubstr("left out before this packet: "));
    bool has_data = false;
    for (const SeenFrame& frame : frames) {
        EXPECT_LE(frame.captured, 14U + 20 + 60);
        EXPECT_LE(frame.captured, frame.original);
        has_data = has_data || frame.captured < frame.original;
    }
    EXPECT_TRUE(has_data);
    fs::remove_all(folder());
    record(capture_of_forgeries(), {}, 200);
    std::size_t longest = 0;
    for (const SeenFrame& frame : frames_of(folder() + "/" + files()[0])) {
        longest = std::max<std::size_t>(longest, frame.captured);
    }
    EXPECT_GT(longest, 14U + 20 + 60);
    EXPECT_LE(longest, 200U);
}

/// A finding that is told again about a later packet holds that one, too: keepalives every 75 s that
/// nobody answers, and the reset that gives up.
TEST_F(Evidence, GrowsWithItsFinding) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP, {.forwarded = true});
    talk.open().exchange(4);
    talk.pass_ms(900'000);
    for (int i = 0; i < 9; i++) {
        Segment keepalive = talk.next(End::us, Ack);
        keepalive.seq--;
        talk.send(keepalive);
        talk.pass_ms(75'000);
    }
    talk.send(End::us, Rst | Ack);
    const Recorded recorded = record(rig.file());
    ASSERT_THAT(recorded.replayed.of("finding"), Not(IsEmpty()));
    EXPECT_EQ(recorded.replayed.of("finding").back()["pcap_cnt"], rig.frames());
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_THAT(frames_of(folder() + "/" + files()[0]), SizeIs(rig.frames()));
}

/// A segment that only looks odd has no file: the team would look for a box that is not there.
TEST_F(Evidence, IsNotWrittenOfWhatIsOnlySuspected) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    Segment other = talk.next(End::peer, TcpFlags(Psh | Ack), 120);
    Segment own = other;
    own.payload = 900;
    own.id = static_cast<std::uint16_t>(other.id + 5000);
    other.zeros = true;
    talk.send(other);
    talk.pass_ms(3);
    talk.send(own);
    talk.exchange(4);
    const Recorded recorded = record(rig.file());
    ASSERT_THAT(recorded.replayed.of("finding"), Not(IsEmpty()));
    EXPECT_EQ(recorded.replayed.of("finding").back()["finding"]["verdict"], "suspected");
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Evidence, KeepsToItsLimits) {
    const Recorded few = record(capture_of_forgeries(3), {.files_a_minute = 1});
    EXPECT_THAT(files(), SizeIs(1));
    EXPECT_EQ(few.left_out, 2U);
    const auto bytes = fs::file_size(folder() + "/" + files()[0]);
    const Recorded full = record(capture_of_forgeries(3), {.bytes = bytes + 1000});
    EXPECT_THAT(files(), SizeIs(1)) << "what another run wrote counts";
    EXPECT_EQ(full.left_out, 3U);
    ASSERT_THAT(full.notices, SizeIs(2)) << "once when it is full, and the number at the end";
    EXPECT_THAT(full.notices[0], HasSubstr("full"));
    EXPECT_THAT(full.notices[1], HasSubstr("0 files written, of 3 findings none"));
    EXPECT_TRUE(full.finished);
}

TEST_F(Evidence, IsItsOwnersAlone) {
    record(capture_of_forgeries());
    struct stat status{};
    ASSERT_EQ(::stat(folder().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    ASSERT_EQ(::stat((folder() + "/" + files()[0]).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Evidence, NeverTakesAnotherRunsFilesPlace) {
    record(capture_of_forgeries());
    const std::string first = files()[0];
    record(capture_of_forgeries());
    EXPECT_THAT(files(), ElementsAre(first.substr(0, first.size() - 7) + "-2.pcapng", first));
}

TEST_F(Evidence, FollowsNoSymbolicLink) {
    fs::create_directory(parent_ + "/elsewhere");
    fs::create_directory_symlink(parent_ + "/elsewhere", folder());
    const auto opened = output::EvidenceFolder::open(folder(), {});
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("symbolic link"));
    EXPECT_TRUE(fs::is_empty(parent_ + "/elsewhere"));
}

TEST_F(Evidence, ReplacesAFileWholly) {
    auto opened = output::EvidenceFolder::open(folder(), {.bytes = 1000});
    ASSERT_TRUE(opened);
    const auto name = opened->create("x", std::string(600, 'a'), 0s);
    ASSERT_TRUE(name && *name);
    const auto replaced = opened->replace(**name, std::string(900, 'b'));
    EXPECT_TRUE(replaced && *replaced) << "the old contents make room";
    EXPECT_EQ(bytes_of("x.pcapng"), std::string(900, 'b'));
    const auto too_long = opened->replace(**name, std::string(1001, 'c'));
    EXPECT_TRUE(too_long && !*too_long);
    EXPECT_EQ(bytes_of("x.pcapng"), std::string(900, 'b'));
    EXPECT_THAT(files(), ElementsAre("x.pcapng")) << "nothing is left beside it";
}

output::KeptPacket packet(std::uint64_t number, std::uint8_t sender, std::uint8_t flags = Ack,
                          std::uint32_t seq = 0) {
    return {.number = number,
            .seq = seq,
            .sender = sender,
            .tcp_flags = flags,
            .bytes = std::vector<std::uint8_t>(60)};
}

fst_flow_key key(std::uint16_t port) {
    fst_flow_key its{};
    its.port[0] = port;
    return its;
}

TEST(PacketKeeper, KeepsTheFirstAndTheLatestOfEachDirection) {
    output::PacketKeeper keeper(1U << 20);
    for (std::uint64_t i = 1; i <= 1000; i++) {
        keeper.keep(key(1), packet(i, i % 10 == 0 ? 1 : 0));
    }
    const auto packets = keeper.packets_of(key(1));
    ASSERT_THAT(packets, SizeIs(8 + 32 + 32));
    EXPECT_EQ(packets[0].number, 1U);
    EXPECT_EQ(packets[7].number, 8U);
    EXPECT_EQ(packets[8].number, 690U) << "the other direction's 32nd latest";
    EXPECT_EQ(packets.back().number, 1000U);
    EXPECT_TRUE(std::ranges::is_sorted(packets, {}, &output::KeptPacket::number));
}

TEST(PacketKeeper, ForgetsTheFlowsThatWereSilentLongest) {
    output::PacketKeeper keeper(64U << 10);
    for (std::uint16_t port = 0; port < 1000; port++) {
        keeper.keep(key(port), packet(port + 1U, 0));
        keeper.keep(key(0), packet(port + 10'000U, 0));
    }
    EXPECT_THAT(keeper.packets_of(key(0)), Not(IsEmpty()));
    EXPECT_THAT(keeper.packets_of(key(999)), Not(IsEmpty()));
    EXPECT_THAT(keeper.packets_of(key(1)), IsEmpty());
}

TEST(PacketKeeper, ANewConnectionOnTheSamePortsBeginsAnew) {
    output::PacketKeeper keeper(1U << 20);
    for (std::uint64_t i = 1; i <= 100; i++) {
        keeper.keep(key(1), packet(i, 0));
    }
    keeper.keep(key(1), packet(101, 0, Syn, 7));
    for (std::uint64_t i = 102; i <= 200; i++) {
        keeper.keep(key(1), packet(i, 0));
    }
    EXPECT_EQ(keeper.packets_of(key(1)).front().number, 101U);
}

}  // namespace
}  // namespace flowstamp::testing
