// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_writer.h"

#include <fmt/format.h>
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
#include "user/net/packet_stamp.h"
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

/// Its offset to the time of day: what StampWriters adds to a stamp's time.
const WallTime kWallTime(TestClock(0ns, kWall - 1s));

fst_packet_stamp example(std::uint32_t seq, bool v6 = false) {
    fst_packet_stamp stamp{};
    stamp.time_ns = 1'000'000'000;
    stamp.address[0][2] = stamp.address[1][2] = __builtin_bswap32(0xffff);
    stamp.address[0][3] = __builtin_bswap32(0xc0000201);  // 192.0.2.1
    stamp.address[1][3] = __builtin_bswap32(0xc6336407);  // 198.51.100.7
    if (v6) {
        for (auto& address : stamp.address) {
            address[0] = __builtin_bswap32(0x20010db8);
            address[2] = 0;
        }
    }
    stamp.port[0] = __builtin_bswap16(40000);
    stamp.port[1] = __builtin_bswap16(443);
    stamp.ifindex = 3;
    stamp.protocol = IPPROTO_TCP;
    stamp.seq = seq;
    stamp.ack = 77;
    stamp.window = 501;
    stamp.ttl = 52;
    stamp.tcp_flags = FST_TCP_ACK | FST_TCP_PSH;
    stamp.flags = FST_STAMP_SENDER | (v6 ? FST_STAMP_IPV6 : FST_STAMP_DF);
    stamp.ip_id = v6 ? 0 : 0x1a2c;
    stamp.segments = 1;
    stamp.payload = 1448;
    stamp.header_words = ((v6 ? 40 : 20) + 32) / 4;
    return stamp;
}

void set_hook(fst_packet_stamp& stamp, fst_hook hook) {
    stamp.flags = static_cast<__u8>((stamp.flags & ~FST_STAMP_HOOK) | hook << FST_STAMP_HOOK_SHIFT);
}

class StampWriters : public ::testing::Test {
  protected:
    ~StampWriters() override { std::filesystem::remove_all(folder_); }

    /// The output of the writer for `name`.
    std::string written(const std::string& name, const std::vector<fst_packet_stamp>& stamps) {
        path_ = folder_ + "/" + name;
        auto file = output::StampFile::create(path_);
        EXPECT_TRUE(file);
        const auto writer = output::make_stamp_writer(*file, kPlaces, kWallTime);
        writer->write(stamps);
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
    std::vector<fst_packet_stamp> stamps;
    for (std::uint32_t i = 0; i < 20'000; i++) {  // more than the file's buffer holds
        stamps.push_back(example(i * 1448, i % 2 == 1));
        set_hook(stamps.back(), i % 3 == 0 ? FST_HOOK_TC_EGRESS : FST_HOOK_XDP);
    }
    const std::string bytes = written("x.pcapng", stamps);
    const auto reader = net::CaptureReader::open(
        std::make_unique<net::MemorySource>(std::vector<std::uint8_t>(bytes.begin(), bytes.end())),
        "x.pcapng");
    ASSERT_TRUE(reader) << reader.error().message();
    for (const fst_packet_stamp& stamp : stamps) {
        const fst_packet packet = net::packet_of(stamp);
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

/// The blocks of one packet each, byte by byte: draft-ietf-opsawg-pcapng, RFC 791, 8200, 9293.
TEST_F(StampWriters, APacketBlockIsExact) {
    constexpr std::string_view kTimeHigh = "fd 1e e9 18 ", kTimeLow = "15 4d 2f 63 ";
    const auto block = [&](const fst_packet_stamp& stamp) {
        const std::string without = written("x.pcapng", {});
        std::string text;
        for (const char byte : written("x.pcapng", {stamp}).substr(without.size())) {
            text += fmt::format("{:02x} ", static_cast<unsigned char>(byte));
        }
        return text;
    };
    const std::string tcp =
        "01 bb 9c 40 01 02 03 04 00 00 00 4d 50 18 01 f5 00 00 00 00 ";  // ports to pointer

    fst_packet_stamp v4 = example(0x01020304);
    v4.traffic_class = 0xb8;
    EXPECT_EQ(block(v4), fmt::format("06 00 00 00 48 00 00 00 00 00 00 00 {}{}28 00 00 00 "
                                     "dc 05 00 00 "
                                     "45 b8 05 d0 1a 2c 40 00 34 06 00 00 c6 33 64 07 c0 00 02 01 "
                                     "{}48 00 00 00 ",
                                     kTimeHigh, kTimeLow, tcp));
    v4.flags = FST_STAMP_MORE_FRAGMENTS;
    v4.payload = 1U << 16;  // its length does not fit
    set_hook(v4, FST_HOOK_TC_EGRESS);
    EXPECT_EQ(block(v4), fmt::format("06 00 00 00 48 00 00 00 01 00 00 00 {}{}28 00 00 00 "
                                     "34 00 01 00 "
                                     "45 b8 00 00 1a 2c 20 00 34 06 00 00 c0 00 02 01 c6 33 64 07 "
                                     "9c 40 01 bb {}48 00 00 00 ",
                                     kTimeHigh, kTimeLow, tcp.substr(12)));

    fst_packet_stamp v6 = example(0x01020304, true);
    v6.traffic_class = 0xb8;
    v6.ifindex = 4;
    set_hook(v6, FST_HOOK_TC_INGRESS);
    EXPECT_EQ(block(v6), fmt::format("06 00 00 00 5c 00 00 00 02 00 00 00 {}{}3c 00 00 00 "
                                     "f0 05 00 00 "
                                     "6b 80 00 00 05 bc 06 34 "
                                     "20 01 0d b8 00 00 00 00 00 00 00 00 c6 33 64 07 "
                                     "20 01 0d b8 00 00 00 00 00 00 00 00 c0 00 02 01 "
                                     "{}5c 00 00 00 ",
                                     kTimeHigh, kTimeLow, tcp));
}

TEST_F(StampWriters, JsonLinesMatchTheSchema) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    std::vector<fst_packet_stamp> stamps = {example(1), example(1449), example(1, true),
                                            example(2897)};
    set_hook(stamps[1], FST_HOOK_TC_EGRESS);
    stamps[2].ifindex = 4;
    set_hook(stamps[2], FST_HOOK_TC_INGRESS);
    stamps[3].segments = 3;
    std::istringstream lines(written("x.jsonl", stamps));
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
    fst_packet_stamp stamp = example(1);
    stamp.ifindex = 12;
    for (const char* name : {"x.pcapng", "x.json"}) {
        auto file = output::StampFile::create(folder_ + "/" + name);
        ASSERT_TRUE(file);
        const auto writer = output::make_stamp_writer(*file, kPlaces, kWallTime);
        writer->write({&stamp, 1});
        writer->add({.ifindex = 12, .hook = FST_HOOK_XDP, .interface = "eth7", .method = "xdp"});
        writer->write({&stamp, 1});
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
    fst_packet_stamp stamp = example(0xffffffff, true);
    std::memset(stamp.address, 0xff, sizeof(stamp.address));
    stamp.ifindex = stamp.payload = stamp.ack = 0xffffffff;
    EXPECT_LT(written("x.json", {stamp}).size(), 600U);
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
    for (int i = 0; i < 10 && file->health(); i++) {  // more than a pipe holds
        (void)file->room(output::StampFile::kBufferBytes);
        file->append(output::StampFile::kBufferBytes);
        file->flush();
    }
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
