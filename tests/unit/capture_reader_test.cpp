// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/capture_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/support/capture_file.h"
#include "tests/support/packet.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Read {
    Nanoseconds wall{0};
    std::uint32_t interface = 0;
    std::uint32_t link_type = 0;
    std::uint32_t original = 0;
    Bytes bytes{};
    std::string name{};
};

struct Whole {
    std::vector<Read> frames{};
    std::string error{};  ///< empty: read to its end
};

Whole read(const Bytes& file) {
    auto capture = net::CaptureReader::open(std::make_unique<net::MemorySource>(file), "x.pcap");
    Whole whole;
    if (!capture) {
        whole.error = capture.error().message();
        return whole;
    }
    for (;;) {
        const auto frame = (*capture)->next();
        if (!frame) {
            whole.error = frame.error().message();
        }
        if (!frame || !*frame) {
            return whole;
        }
        EXPECT_EQ((*frame)->number, whole.frames.size() + 1);
        whole.frames.push_back({.wall = (*frame)->wall,
                                .interface = (*frame)->interface,
                                .link_type = (*frame)->link_type,
                                .original = (*frame)->original,
                                .bytes = {(*frame)->bytes.begin(), (*frame)->bytes.end()},
                                .name = (*capture)->interface_name((*frame)->interface)});
    }
}

Bytes numbered(std::size_t length, std::uint8_t first = 0) {
    Bytes bytes(length);
    for (std::size_t i = 0; i < length; i++) {
        bytes[i] = static_cast<std::uint8_t>(first + i);
    }
    return bytes;
}

TEST(PcapReader, ReadsBothByteOrdersAndBothUnits) {
    const Nanoseconds time = 1'700'000'000s + 123'456'789ns;
    for (const bool big : {false, true}) {
        for (const bool nanoseconds : {false, true}) {
            const PcapFile::Options options{big, nanoseconds, 113};
            const Whole whole = read(
                PcapFile(options).frame(time, numbered(60), 1500).frame(time + 1s, {}).bytes());
            EXPECT_EQ(whole.error, "");
            ASSERT_EQ(whole.frames.size(), 2U);
            EXPECT_EQ(whole.frames[0].wall, nanoseconds ? time : time - 789ns);
            EXPECT_EQ(whole.frames[0].bytes, numbered(60));
            EXPECT_EQ(whole.frames[0].original, 1500U);
            EXPECT_EQ(whole.frames[0].link_type, 113U);
            EXPECT_EQ(whole.frames[1].bytes.size(), 0U);
        }
    }
}

TEST(PcapReader, KeepsTheBeginningOfALongFrame) {
    const Whole whole = read(PcapFile().frame(1s, Bytes(9000, 1)).frame(2s, Bytes{7}).bytes());
    EXPECT_EQ(whole.error, "");
    EXPECT_EQ(whole.frames.at(0).bytes.size(), net::kFrameBytesKept);
    EXPECT_EQ(whole.frames.at(0).original, 9000U);
    EXPECT_THAT(whole.frames.at(1).bytes, ElementsAre(7));
}

TEST(PcapReader, IgnoresTheFrameCheckSequenceLength) {
    EXPECT_EQ(read(PcapFile({.link_type = 0x54000001}).frame(1s, {}).bytes()).frames[0].link_type,
              1U);
}

TEST(PcapReader, ReportsWhereTheDamageIs) {
    Bytes file = PcapFile().frame(1s, numbered(20)).frame(2s, numbered(20)).bytes();
    Bytes cut(file.begin(), file.end() - 1);
    EXPECT_EQ(read(cut).error,
              "x.pcap: read: the file is cut short (after frame 1, at byte 60); only the part "
              "before it was replayed");
    EXPECT_EQ(read(cut).frames.size(), 1U);
    file[24 + 36 + 11] = 0x7f;  // the second frame's captured length
    EXPECT_THAT(read(file).error,
                HasSubstr("a frame of 2130706452 bytes cannot be (after frame 1"));
}

TEST(CaptureReader, RefusesOtherFiles) {
    EXPECT_EQ(read({}).error,
              "x.pcap: read: the file is empty; a capture without packets has a header, too");
    for (const Bytes& file : {Bytes{1}, Bytes(4, 0), Bytes(4000, 'a')}) {
        EXPECT_EQ(read(file).error,
                  "x.pcap: read: neither pcap nor pcapng; convert it with `editcap -F pcapng`");
    }
    const Bytes header = PcapFile().bytes();
    EXPECT_THAT(read({header.begin(), header.begin() + 9}).error, HasSubstr("at byte 9"));
}

TEST(PcapngReader, EachInterfaceHasItsOwnLinkTypeClockAndName) {
    for (const bool big : {false, true}) {
        const Whole whole =
            read(PcapngFile()
                     .section(big)
                     .interface({.link_type = 1, .name = "eth0"})
                     .interface({.link_type = 276, .name = "any", .resolution = 9})
                     .interface({.link_type = 101, .resolution = 0x80 | 10, .offset = 100})
                     .enhanced(0, 5'000'001, numbered(5), 70)
                     .enhanced(1, 5'000'000'001, numbered(6))
                     .enhanced(2, 5 * 1024 + 512, numbered(7))
                     .bytes());
        EXPECT_EQ(whole.error, "");
        ASSERT_EQ(whole.frames.size(), 3U);
        EXPECT_EQ(whole.frames[0].wall, 5s + 1us);
        EXPECT_EQ(whole.frames[0].original, 70U);
        EXPECT_EQ(whole.frames[0].name, "eth0");
        EXPECT_EQ(whole.frames[1].wall, 5s + 1ns);
        EXPECT_EQ(whole.frames[1].link_type, 276U);
        EXPECT_EQ(whole.frames[1].name, "any");
        EXPECT_EQ(whole.frames[2].wall, 105s + 500ms);
        EXPECT_EQ(whole.frames[2].interface, 2U);
        EXPECT_EQ(whole.frames[2].name, "");
        EXPECT_EQ(whole.frames[2].bytes, numbered(7));
    }
}

TEST(PcapngReader, ReadsEveryKindOfPacketAndSkipsOtherBlocks) {
    for (const bool big : {false, true}) {
        const Whole whole = read(PcapngFile()
                                     .section(big)
                                     .block(0x0bad, numbered(16))
                                     .interface({.snap = 6})
                                     .block(5, numbered(400))
                                     .old(0, 3'000'000, numbered(5))
                                     .simple(numbered(6), 9)
                                     .simple(numbered(4))
                                     .block(0x80000001, {})
                                     .enhanced(0, 4'000'000, numbered(3))
                                     .bytes());
        EXPECT_EQ(whole.error, "");
        ASSERT_EQ(whole.frames.size(), 4U);
        EXPECT_EQ(whole.frames[0].wall, 3s);
        EXPECT_EQ(whole.frames[1].bytes, numbered(6));
        EXPECT_EQ(whole.frames[1].original, 9U);
        EXPECT_EQ(whole.frames[1].wall, 3s) << "this block has no time";
        EXPECT_EQ(whole.frames[2].bytes, numbered(4));
        EXPECT_EQ(whole.frames[3].wall, 4s);
    }
}

TEST(PcapngReader, EachSectionHasItsOwnInterfaces) {
    const Whole whole = read(PcapngFile()
                                 .section(false)
                                 .interface({.link_type = 1, .name = "a"})
                                 .enhanced(0, 1, numbered(1))
                                 .section(true)
                                 .interface({.link_type = 101, .name = "b"})
                                 .enhanced(0, 2, numbered(2))
                                 .bytes());
    EXPECT_EQ(whole.error, "");
    ASSERT_EQ(whole.frames.size(), 2U);
    EXPECT_EQ(whole.frames[0].name, "a");
    EXPECT_EQ(whole.frames[1].name, "b");
    EXPECT_EQ(whole.frames[1].link_type, 101U);
}

/// Interface statistics: losses are known if each interface tells of them; the latest count.
TEST(PcapngReader, KnowsWhatTheCaptureLost) {
    const auto statistics = [](std::uint32_t interface, std::uint64_t by_interface,
                               std::uint64_t by_system) {
        FieldWriter body;
        body.u32(interface).u32(0).u32(0);
        body.u16(5).u16(8).number(by_interface, 8);
        body.u16(7).u16(8).number(by_system, 8);
        body.u16(0).u16(0);
        return body.bytes();
    };
    const auto dropped = [](const PcapngFile& file) {
        auto capture =
            net::CaptureReader::open(std::make_unique<net::MemorySource>(file.bytes()), "x.pcapng");
        while (*(*capture)->next()) {
        }
        return (*capture)->dropped();
    };
    PcapngFile file;
    file.section().interface().interface();
    EXPECT_EQ(dropped(file), std::nullopt);
    file.block(5, statistics(0, 1, 2));
    EXPECT_EQ(dropped(file), std::nullopt);
    file.block(5, statistics(1, 0, 0));
    EXPECT_EQ(dropped(file), 3U);
    file.block(5, statistics(0, 10, 20)).block(5, statistics(7, 1, 1)).block(5, numbered(8));
    EXPECT_EQ(dropped(file), 30U);

    // One with a filter is not whole, even if it lost nothing.
    FieldWriter filtered;
    filtered.u16(1).u16(0).u32(0).u16(11).u16(4).u32(0).u16(0).u16(0);
    PcapngFile chosen;
    chosen.section().block(1, filtered.bytes()).block(5, statistics(0, 0, 0));
    EXPECT_EQ(dropped(chosen), std::nullopt);
    chosen.block(5, statistics(0, 1, 0));
    EXPECT_EQ(dropped(chosen), 1U);
}

TEST(PcapngReader, ReportsWhatIsDamaged) {
    const auto file = [] { return PcapngFile().section().interface(); };
    EXPECT_THAT(read(file().enhanced(1, 0, numbered(4)).bytes()).error,
                HasSubstr("a frame of interface 1, which is not described (after frame 0, at "
                          "byte 52)"));
    EXPECT_THAT(read(file().simple({}).block(6, numbered(8)).bytes()).error,
                HasSubstr("a block of type 6 and 20 bytes is too short (after frame 1"));
    for (const std::uint32_t length : {0U, 11U, 14U, 0x7ffffffcU, 0xffffffffU}) {
        EXPECT_THAT(read(file().block(9, numbered(8), length).bytes()).error,
                    HasSubstr("bytes cannot be"))
            << length;
    }
    EXPECT_THAT(read(file().block(9, numbered(8), 16).bytes()).error, HasSubstr("lengths differ"));
    Bytes magic = PcapngFile().section().bytes();
    magic[8] = 0;
    EXPECT_THAT(read(magic).error, HasSubstr("byte order"));
    EXPECT_THAT(read(PcapngFile().section().interface({.resolution = 20}).bytes()).error,
                HasSubstr("unit of time"));
    FieldWriter body;
    body.u32(0).u32(0).u32(0).u32(100).u32(100).raw(numbered(8));
    EXPECT_THAT(read(file().block(6, body.bytes()).bytes()).error,
                HasSubstr("a frame of 100 bytes in a block of 40"));
}

/// The time is clamped to the range of the data path's clock.
TEST(CaptureTime, IsClamped) {
    constexpr std::uint64_t kMost = ~0ULL;
    for (const std::uint64_t units_per_second :
         {std::uint64_t{1}, std::uint64_t{1'000'000}, std::uint64_t{10'000'000'000'000'000'000U},
          std::uint64_t{1} << 63}) {
        for (const std::int64_t seconds :
             {std::int64_t{0}, std::int64_t{-5}, INT64_MIN, INT64_MAX}) {
            for (const std::uint64_t units : {std::uint64_t{0}, std::uint64_t{1}, kMost}) {
                const Nanoseconds time = net::capture_time(units, units_per_second, seconds);
                EXPECT_GE(time, 0ns);
                EXPECT_LE(time.count(), std::int64_t{1} << 62);
            }
        }
    }
    EXPECT_EQ(net::capture_time(15'000'000, 1'000'000, -5), 10s);
    EXPECT_EQ(net::capture_time(3, 2, 0), 1500ms);
}

/// A file of either format with one of every feature.
std::vector<Bytes> samples() {
    const Bytes frame = (Ethernet{} / Ipv4{} / Tcp{.flags = Syn}).bytes();
    return {PcapFile().frame(1s, frame).frame(2s, frame).bytes(),
            PcapngFile()
                .section(true)
                .interface({.link_type = 1, .name = "eth0", .resolution = 9, .offset = 5})
                .interface()
                .enhanced(0, 1, frame)
                .simple(frame)
                .old(1, 3, frame)
                .block(5, Bytes(12, 1))
                .section()
                .interface({.snap = 20})
                .simple(numbered(20), 1000)
                .bytes()};
}

TEST(CaptureReader, HandlesTruncationAnywhere) {
    for (const Bytes& file : samples()) {
        const std::size_t frames = read(file).frames.size();
        EXPECT_EQ(read(file).error, "");
        std::size_t whole = 0;
        for (std::size_t length = 0; length < file.size(); length++) {
            const Whole part = read({file.begin(), file.begin() + std::ptrdiff_t(length)});
            EXPECT_LE(part.frames.size(), frames);
            whole += part.error.empty();
        }
        EXPECT_LE(whole, 12U) << "most cuts are in the middle of something";
    }
}

TEST(CaptureReader, HandlesAnyDamage) {
    std::mt19937 random(7);
    for (const Bytes& file : samples()) {
        for (int round = 0; round < 20'000; round++) {
            Bytes damaged = file;
            for (int i = 0; i < 1 + round % 4; i++) {
                damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
            }
            EXPECT_LE(read(damaged).frames.size(), file.size() / 12);
        }
    }
}

class CaptureFileTest : public ::testing::Test {
  protected:
    CaptureFileTest() { std::filesystem::create_directory(folder_); }
    ~CaptureFileTest() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const Bytes& bytes) {
        const std::string path = folder_ / name;
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), std::ptrdiff_t(bytes.size()));
        return path;
    }
    /// The frames, or the error.
    static std::string read_file(const std::string& path) {
        auto source = net::open_file(path);
        if (!source) {
            return source.error().message();
        }
        auto capture = net::CaptureReader::open(std::move(*source), "x");
        if (!capture) {
            return capture.error().message();
        }
        for (std::size_t frames = 0;; frames++) {
            const auto frame = (*capture)->next();
            if (!frame) {
                return frame.error().message();
            }
            if (!*frame) {
                EXPECT_EQ((*capture)->progress(), 1.0);
                return std::to_string(frames);
            }
        }
    }
    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("captures." + std::to_string(::getpid()));
};

TEST_F(CaptureFileTest, IsReadCompressedOrNot) {
    PcapFile file;
    for (int i = 0; i < 1000; i++) {
        file.frame(1s, Bytes(1000, static_cast<std::uint8_t>(i)));
    }
    EXPECT_EQ(read_file(write("plain.pcap", file.bytes())), "1000");
    const Bytes gzip = gzipped(file.bytes());
    EXPECT_EQ(read_file(write("small.pcap.gz", gzip)), "1000");
    EXPECT_THAT(read_file(write("cut.gz", {gzip.begin(), gzip.end() - 20})),
                HasSubstr("the compressed file ends before its content does"));
    Bytes damaged = gzip;
    damaged[damaged.size() / 2] ^= 0xff;
    damaged[damaged.size() / 2 + 1] ^= 0xff;
    EXPECT_NE(read_file(write("damaged.gz", damaged)), "1000");
}

TEST_F(CaptureFileTest, ReportsWhyItCannotBeOpened) {
    EXPECT_EQ(read_file(folder_ / "none.pcap"),
              (folder_ / "none.pcap").string() + ": open: no such file or directory");
    EXPECT_THAT(read_file(folder_), HasSubstr("is a directory"));
}

}  // namespace
}  // namespace flowstamp::testing
