// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `watch --stamps` beside a real download: a stamp for every packet, from which the download can be
// rebuilt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "bpf/host/datapath.h"
#include "tests/netns/watch_fixture.h"
#include "tests/support/json_schema.h"
#include "user/net/capture/capture_reader.h"
#include "user/net/endpoint.h"

namespace flowstamp::lab {
namespace {

using flowstamp::testing::JsonSchema;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kBytes = 3'000'000;

class WatchStamps : public WatchTest, public ::testing::WithParamInterface<lab::Family> {
  protected:
    ~WatchStamps() override { std::filesystem::remove_all(folder_); }

    /// A watch over a whole download; its stamps are in path(name).
    WatchLog watched(const std::string& name, const std::string& filter = "") {
        cmd::WatchOptions options;
        options.stamps = path(name);
        options.filter = filter;
        options.interfaces = {lab().client().toward(lab::Side::Server).name};
        LiveWatch watch(lab().client(), options);
        {
            const lab::Server server =
                require(lab::Server::start(lab().server(), {.family = GetParam()}));
            const auto report =
                lab::download(lab().client(), LabTest::to_server(kBytes, GetParam()));
            EXPECT_EQ(report.outcome, lab::Outcome::Complete);
        }
        WatchLog log = watch.stop();
        EXPECT_THAT(log.notices, ::testing::Not(::testing::Contains(HasSubstr("stamps"))));
        return log;
    }
    std::string path(const std::string& name) const { return folder_ + "/" + name; }

    std::string folder_ = [] {
        std::string path = "/tmp/flowstamp-stamps-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
};

/// The packets of a capture, parsed by the data path's parser.
std::vector<fst_packet> packets_of(const std::string& file) {
    const auto capture = require(net::CaptureReader::open(require(net::open_file(file)), file));
    std::vector<fst_packet> packets;
    while (const auto frame = require(capture->next())) {
        std::vector<std::uint8_t> data(frame->bytes.begin(), frame->bytes.end());
        const fst_datapath_frame parsed_from{.data = data.data(),
                                             .bytes = static_cast<__u32>(data.size()),
                                             .room = 0,
                                             .ifindex = frame->interface,
                                             .came_in_by = 0,
                                             .time_ns = static_cast<__u64>(frame->wall.count()),
                                             .hook = FST_HOOK_XDP,
                                             .has_mac = 0,
                                             .has_no_socket = 0};
        fst_packet packet{};
        EXPECT_TRUE(fst_datapath_parse(&parsed_from, &packet)) << frame->number;
        packets.push_back(packet);
    }
    return packets;
}

TEST_P(WatchStamps, CaptureContainsTheDownload) {
    const WatchLog log = watched("x.pcapng");
    const std::vector<fst_packet> packets = packets_of(path("x.pcapng"));
    ASSERT_TRUE(log.summary.stamps);
    EXPECT_EQ(log.summary.stamps->lost, 0U);
    EXPECT_EQ(log.summary.stamps->written, packets.size());
    EXPECT_EQ(log.count(FST_COUNT_TCP), packets.size());
    EXPECT_TRUE(std::ranges::is_sorted(packets, {}, &fst_packet::time_ns));

    // From the server's SYN-ACK on, its data without a gap to the last byte.
    ASSERT_GE(packets.size(), 3U);
    EXPECT_EQ(packets[0].tcp_flags & (FST_TCP_SYN | FST_TCP_ACK), FST_TCP_SYN);
    EXPECT_EQ(packets[1].tcp_flags & (FST_TCP_SYN | FST_TCP_ACK), FST_TCP_SYN | FST_TCP_ACK);
    const std::uint32_t first = packets[1].seq + 1;
    std::map<std::uint32_t, std::uint32_t> pieces;  // by their distance from the first byte
    for (const fst_packet& packet : packets) {
        if (net::sender_of(packet).port == 80 && packet.payload != 0) {
            auto& length = pieces[packet.seq - first];
            length = std::max(length, packet.payload);
        }
    }
    std::uint64_t edge = 0;
    for (const auto& [start, length] : pieces) {
        ASSERT_LE(start, edge) << "a gap";
        edge = std::max(edge, std::uint64_t{start} + length);
    }
    EXPECT_EQ(edge, kBytes);
}

TEST_P(WatchStamps, JsonLinesContainEveryPacket) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    const WatchLog log = watched("x.jsonl");
    constexpr std::uint64_t kSampled = 100;
    std::ifstream lines(path("x.jsonl"));
    std::uint64_t count = 0;
    std::map<std::string, unsigned> directions;
    for (std::string line; std::getline(lines, line); count++) {
        const json event = json::parse(line);
        if (count % kSampled == 0) {  // validating against the schema is slow
            ASSERT_THAT(schema.violations(event), IsEmpty()) << line;
        }
        directions[event["stamp"]["direction"]]++;
    }
    EXPECT_EQ(count, log.count(FST_COUNT_TCP));
    EXPECT_GT(directions["in"], 0U);
    EXPECT_GT(directions["out"], 0U);
}

TEST_P(WatchStamps, FilterLimitsWhatIsWritten) {
    const WatchLog log = watched("x.pcapng", "tcp src port 80");
    const std::vector<fst_packet> packets = packets_of(path("x.pcapng"));
    EXPECT_GT(packets.size(), 0U);
    EXPECT_LT(packets.size(), log.count(FST_COUNT_TCP));
    for (const fst_packet& packet : packets) {
        ASSERT_EQ(net::sender_of(packet).port, 80);
    }
}

INSTANTIATE_TEST_SUITE_P(Families, WatchStamps, both_families(), family_name);

class WatchStampsCommand : public LabTest {};

TEST_F(WatchStampsCommand, EndsWithOneLineWhenTheDiskIsFull) {
    std::string folder = "/tmp/flowstamp-full-XXXXXX";  // links in /tmp itself are refused
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const std::string full = folder + "/full.json";
    std::filesystem::create_symlink("/dev/full", full);
    Child child = require(lab().client().spawn({built_program(), "watch", "-i",
                                                lab().client().toward(lab::Side::Server).name,
                                                "--stamps", full, "--duration", "20s"}));
    ASSERT_TRUE(child.wait_for_output("watching ", 20s)) << child.err();
    const lab::Server server = require(lab::Server::start(lab().server(), {}));
    lab::download(lab().client(), to_server(10'000));
    EXPECT_TRUE(child.wait_for_output("no space left on device", 10s)) << child.err();
    const auto output = child.wait(10s);
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(output) << "it runs on: " << child.err();
    EXPECT_EQ(output->status, 1);
    EXPECT_THAT(output->err, HasSubstr("full.json: write: no space left on device\n"));
}

}  // namespace
}  // namespace flowstamp::lab
