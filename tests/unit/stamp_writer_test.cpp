// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bpf/host/datapath.h"
#include "tests/support/json_schema.h"
#include "user/net/capture/capture_reader.h"
#include "user/output/stamps/stamp_form.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::JsonSchema;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Nanoseconds kWall = 1'795'000'000s + 123'456'789ns;

const std::vector<output::StampPlace> kPlaces = {
    {.ifindex = 3, .hook = FST_HOOK_XDP, .interface = "eth0", .method = "xdp"},
    {.ifindex = 3, .hook = FST_HOOK_TC_EGRESS, .interface = "eth0", .method = "tcx"},
    {.ifindex = 4, .hook = FST_HOOK_TC_INGRESS, .interface = "a\"b", .method = "clsact"},
};

fst_packet example(std::uint32_t seq, bool v6 = false) {
    fst_packet packet{};
    packet.key.address[0][2] = packet.key.address[1][2] = __builtin_bswap32(0xffff);
    packet.key.address[0][3] = __builtin_bswap32(0xc0000201);  // 192.0.2.1
    packet.key.address[1][3] = __builtin_bswap32(0xc6336407);  // 198.51.100.7
    if (v6) {
        for (auto& address : packet.key.address) {
            address[0] = __builtin_bswap32(0x20010db8);
            address[2] = 0;
        }
    }
    packet.key.port[0] = __builtin_bswap16(40000);
    packet.key.port[1] = __builtin_bswap16(443);
    packet.key.ifindex = 3;
    packet.key.protocol = IPPROTO_TCP;
    packet.direction = 1;
    packet.seq = seq;
    packet.ack = 77;
    packet.window = 501;
    packet.ttl = 52;
    packet.tcp_flags = FST_TCP_ACK | FST_TCP_PSH;
    packet.flags = v6 ? FST_PACKET_IPV6 : FST_PACKET_DF;
    packet.ip_id = v6 ? 0 : 0x1a2c;
    packet.segments = 1;
    packet.payload = 1448;
    packet.ip_bytes = (v6 ? 40 : 20) + 32 + 1448;
    return packet;
}

class StampWriters : public ::testing::Test {
  protected:
    ~StampWriters() override { std::filesystem::remove_all(folder_); }

    /// The output of the writer for `name`.
    std::string written(const std::string& name, const std::vector<fst_packet>& packets) {
        path_ = folder_ + "/" + name;
        auto file = output::StampFile::create(path_);
        EXPECT_TRUE(file);
        const auto writer = output::make_stamp_writer(*file, kPlaces);
        for (const fst_packet& packet : packets) {
            writer->consume(output::PacketStamp{packet, kWall});
        }
        file->flush();
        EXPECT_TRUE(file->health());
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    std::string folder_ = [] {
        std::string path = "/tmp/flowstamp-stamps-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
    std::string path_;
};

TEST_F(StampWriters, APcapngContainsThePackets) {
    std::vector<fst_packet> packets;
    for (std::uint32_t i = 0; i < 20'000; i++) {  // more than the file's buffer holds
        packets.push_back(example(i * 1448, i % 2 == 1));
        packets.back().hook = i % 3 == 0 ? FST_HOOK_TC_EGRESS : FST_HOOK_XDP;
    }
    const std::string bytes = written("x.pcapng", packets);
    const auto reader = net::CaptureReader::open(
        std::make_unique<net::MemorySource>(std::vector<std::uint8_t>(bytes.begin(), bytes.end())),
        "x.pcapng");
    ASSERT_TRUE(reader) << reader.error().message();
    for (const fst_packet& packet : packets) {
        const auto next = (*reader)->next();
        ASSERT_TRUE(next && *next);
        const net::CapturedFrame& frame = **next;
        EXPECT_EQ(frame.wall, kWall);
        EXPECT_EQ(frame.link_type, 101U);
        EXPECT_EQ(frame.interface, 0U) << "both directions of eth0 are one link";
        EXPECT_EQ((*reader)->interface_name(frame.interface), "eth0");
        EXPECT_EQ(frame.original, packet.ip_bytes);
        std::vector<std::uint8_t> data(frame.bytes.begin(), frame.bytes.end());
        const fst_datapath_frame parsed_from{.data = data.data(),
                                             .bytes = static_cast<__u32>(data.size()),
                                             .room = 0,
                                             .ifindex = 3,
                                             .came_in_by = 0,
                                             .time_ns = 0,
                                             .hook = FST_HOOK_XDP,
                                             .has_mac = 0,
                                             .has_no_socket = 0};
        fst_packet parsed{};
        ASSERT_TRUE(fst_datapath_parse(&parsed_from, &parsed));
        EXPECT_EQ(std::memcmp(&parsed.key, &packet.key, sizeof(parsed.key)), 0);
        EXPECT_EQ(parsed.direction, packet.direction);
        EXPECT_EQ(parsed.seq, packet.seq);
        EXPECT_EQ(parsed.ack, packet.ack);
        EXPECT_EQ(parsed.window, packet.window);
        EXPECT_EQ(parsed.ttl, packet.ttl);
        EXPECT_EQ(parsed.ip_id, packet.ip_id);
        EXPECT_EQ(parsed.tcp_flags, packet.tcp_flags);
        EXPECT_EQ(parsed.payload, packet.payload);
        EXPECT_EQ(parsed.flags & (FST_PACKET_DF | FST_PACKET_IPV6), packet.flags);
    }
    const auto end = (*reader)->next();
    EXPECT_TRUE(end && !*end);
}

TEST_F(StampWriters, JsonLinesMatchTheSchema) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    std::vector<fst_packet> packets = {example(1), example(1449), example(1, true), example(2897)};
    packets[1].hook = FST_HOOK_TC_EGRESS;
    packets[2].key.ifindex = 4;
    packets[2].hook = FST_HOOK_TC_INGRESS;
    packets[3].segments = 3;
    std::istringstream lines(written("x.jsonl", packets));
    std::vector<nlohmann::json> events;
    for (std::string line; std::getline(lines, line);) {
        events.push_back(nlohmann::json::parse(line));
        EXPECT_THAT(schema.violations(events.back()), IsEmpty()) << line;
    }
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(events[0]["timestamp"], "2026-11-18T11:06:40.123456+0000");
    EXPECT_EQ(events[0]["src_ip"], "198.51.100.7");
    EXPECT_EQ(events[0]["src_port"], 443);
    EXPECT_EQ(events[0]["dest_ip"], "192.0.2.1");
    EXPECT_EQ(events[0]["stamp"]["hook"], "xdp");
    EXPECT_EQ(events[0]["stamp"]["direction"], "in");
    EXPECT_EQ(events[0]["stamp"]["payload"], 1448);
    EXPECT_EQ(events[0]["packet"]["ttl"], 52);
    EXPECT_EQ(events[0]["packet"]["ipid"], 0x1a2c);
    EXPECT_EQ(events[0]["packet"]["df"], true);
    EXPECT_EQ(events[0]["packet"]["len"], 1500);
    EXPECT_EQ(events[1]["stamp"]["direction"], "out");
    EXPECT_EQ(events[1]["packet"]["tcpseq"], 1449);
    EXPECT_EQ(events[2]["in_iface"], "a\"b");
    EXPECT_EQ(events[2]["packet"]["hoplimit"], 52);
    EXPECT_FALSE(events[2]["packet"].contains("ipid"));
    EXPECT_EQ(events[3]["stamp"]["segments"], 3);
}

/// An interface that was made anew: its packets are not another's.
TEST_F(StampWriters, APlaceMayBeAddedLater) {
    fst_packet packet = example(1);
    packet.key.ifindex = 12;
    for (const char* name : {"x.pcapng", "x.json"}) {
        auto file = output::StampFile::create(folder_ + "/" + name);
        ASSERT_TRUE(file);
        const auto writer = output::make_stamp_writer(*file, kPlaces);
        writer->consume(output::PacketStamp{packet, kWall});
        writer->add({.ifindex = 12, .hook = FST_HOOK_XDP, .interface = "eth7", .method = "xdp"});
        writer->consume(output::PacketStamp{packet, kWall});
        file->flush();
    }
    auto capture = net::CaptureReader::open(*net::open_file(folder_ + "/x.pcapng"), "x.pcapng");
    ASSERT_TRUE(capture);
    (void)(*capture)->next();
    const auto frame = (*capture)->next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*capture)->interface_name((*frame)->interface), "eth7");
    std::ifstream lines(folder_ + "/x.json");
    std::string line;
    std::getline(lines, line);
    std::getline(lines, line);
    EXPECT_EQ(nlohmann::json::parse(line)["in_iface"], "eth7");
}

TEST_F(StampWriters, TheLongestLineFits) {
    fst_packet packet = example(0xffffffff, true);
    std::memset(packet.key.address, 0xff, sizeof(packet.key.address));
    packet.key.ifindex = 0xffffffff;
    packet.payload = packet.ack = packet.ip_bytes = 0xffffffff;
    EXPECT_LT(written("x.json", {packet}).size(), 600U);
}

TEST_F(StampWriters, TheFirstFailureIsKept) {
    auto file = output::StampFile::create("/dev/full");
    ASSERT_TRUE(file);
    file->room(1)[0] = 'x';
    file->append(1);
    file->flush();
    ASSERT_FALSE(file->health());
    EXPECT_EQ(file->health().error().message(), "/dev/full: write: no space left on device");
}

TEST_F(StampWriters, APipeWithoutAReaderIsRefused) {
    const std::string pipe = folder_ + "/p.json";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const auto file = output::StampFile::create(pipe);
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().message(), HasSubstr("start what reads this pipe first"));
}

TEST_F(StampWriters, AnUnreadPipeDoesNotDelayTheEnd) {
    const std::string pipe = folder_ + "/p.json";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const Fd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    auto file = output::StampFile::create(pipe);
    ASSERT_TRUE(file);
    file->hurry();
    (void)file->room(output::StampFile::kBufferBytes);
    file->append(output::StampFile::kBufferBytes);
    file->flush();
    ASSERT_FALSE(file->health());
    EXPECT_THAT(file->health().error().message(), HasSubstr("its reader has stopped reading"));
}

TEST(StampForms, AreSelectedByTheFileExtension) {
    EXPECT_EQ(output::stamp_form("a.pcapng"), output::StampForm::pcapng);
    for (const char* name : {"a.json", "a.jsonl", "a.ndjson"}) {
        EXPECT_EQ(output::stamp_form(name), output::StampForm::json_lines);
    }
    for (const char* name : {"", "-", "a", "a.pcap", "a.txt", "a.pcapng.gz", "json"}) {
        EXPECT_FALSE(output::stamp_form(name)) << name;
    }
}

}  // namespace
}  // namespace flowstamp
