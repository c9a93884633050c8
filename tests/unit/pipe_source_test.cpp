// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/pipe_source.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <string>

namespace flowstamp {
namespace {

std::string compressed(const std::string& text) {
    z_stream deflater{};
    ::deflateInit2(&deflater, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 100, '\0');
    deflater.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    deflater.avail_in = static_cast<uInt>(text.size());
    deflater.next_out = reinterpret_cast<Bytef*>(out.data());
    deflater.avail_out = static_cast<uInt>(out.size());
    ::deflate(&deflater, Z_FINISH);
    out.resize(deflater.total_out);
    ::deflateEnd(&deflater);
    return out;
}

class PipeSourceTest : public ::testing::Test {
  protected:
    PipeSourceTest() {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        write_ = Fd(ends[1]);
        EXPECT_EQ(::pipe(stop_), 0);
        source_ = net::read_pipe(Fd(ends[0]), "standard input", stop_[0]);
    }
    ~PipeSourceTest() override {
        ::close(stop_[0]);
        ::close(stop_[1]);
    }
    void put(const std::string& text) {
        EXPECT_EQ(::write(write_.get(), text.data(), text.size()), std::ssize(text));
    }
    void end() { write_ = Fd(); }
    void stop() { EXPECT_EQ(::write(stop_[1], "x", 1), 1); }
    /// One read: the data, or an error's text.
    std::string next() {
        std::string text(1000, '\0');
        const auto got = source_->read({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
        if (!got) {
            return got.error().message();
        }
        text.resize(*got);
        return text;
    }

  private:
    Fd write_;
    int stop_[2]{};
    std::unique_ptr<net::ByteSource> source_;
};

TEST_F(PipeSourceTest, PassesOnAvailableData) {
    put("abc");
    EXPECT_EQ(next(), "ab") << "it needed two bytes to detect the format";
    EXPECT_EQ(next(), "c");
    put("defg");
    EXPECT_EQ(next(), "defg");
    end();
    EXPECT_EQ(next(), "");
}

TEST_F(PipeSourceTest, ShortPipeIsNotCompressed) {
    put("\x1f");
    end();
    EXPECT_EQ(next(), "\x1f");
    EXPECT_EQ(next(), "");
}

TEST_F(PipeSourceTest, InflatesAsItComes) {
    const std::string whole = compressed("first, ") + compressed("second");
    put(whole);
    end();
    std::string text;
    for (std::string part; !(part = next()).empty();) {
        text += part;
    }
    EXPECT_EQ(text, "first, second");
}

TEST_F(PipeSourceTest, ReportsTruncation) {
    const std::string whole = compressed(std::string(5000, 'x') + "y");
    put(whole.substr(0, whole.size() - 10));
    end();
    std::string text;
    for (int reads = 0; reads < 20 && text.find("ends before") == std::string::npos; reads++) {
        text = next();
    }
    EXPECT_NE(text.find("ends before its content does"), std::string::npos) << text;
}

TEST_F(PipeSourceTest, EndsWhenStopped) {
    stop();
    EXPECT_EQ(next(), "");
}

}  // namespace
}  // namespace flowstamp
