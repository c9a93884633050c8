// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/live_block.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace flowstamp {
namespace {

/// A terminal of 40 columns and 4 rows, and its other end.
class LiveBlockTest : public ::testing::Test {
  protected:
    LiveBlockTest() {
        winsize size{.ws_row = 4, .ws_col = 40, .ws_xpixel = 0, .ws_ypixel = 0};
        termios raw{};
        ::cfmakeraw(&raw);
        int master = -1;
        int slave = -1;
        char name[64];
        if (::openpty(&master, &slave, name, &raw, &size) != 0) {
            throw std::runtime_error("openpty");
        }
        master_.reset(master);
        slave_.reset(slave);
        terminal_.emplace(std::move(*output::Output::file(name)));
    }
    /// All that was written since the last call. The kernel may pass it on in parts: an end mark
    /// tells when it is complete.
    std::string written() {
        std::string text;
        if (::write(slave_.get(), &kEnd, 1) != 1) {
            throw std::runtime_error("write");
        }
        for (char next = 0; ::read(master_.get(), &next, 1) == 1 && next != kEnd;) {
            text += next;
        }
        return text;
    }
    void resize(unsigned short columns, unsigned short rows) {
        const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
        ::ioctl(master_.get(), TIOCSWINSZ, &size);
    }

    static constexpr char kEnd = '\x04';  // what is written holds none

    Fd master_, slave_;
    std::optional<output::Output> terminal_;
};

TEST_F(LiveBlockTest, DrawsBelowAnEmptyLineAndGoesBackToIt) {
    output::LiveBlock block(*terminal_);
    block.draw({"one", "two"});
    EXPECT_EQ(written(), "\r\033[K\n\r\033[Kone\n\r\033[Ktwo\033[J\r\033[2A");
}

TEST_F(LiveBlockTest, ErasesWhatItHasDrawnOnce) {
    output::LiveBlock block(*terminal_);
    block.erase();
    block.draw({"one"});
    block.erase();
    block.erase();
    terminal_->write("told\n");
    EXPECT_EQ(written(), "\r\033[K\n\r\033[Kone\033[J\r\033[1A\r\033[Jtold\n");
}

TEST_F(LiveBlockTest, UsesTheCurrentWindowSize) {
    output::LiveBlock block(*terminal_);
    EXPECT_EQ(block.width(), 39U);
    block.draw({"one", "two", "three", "four"});
    EXPECT_EQ(written(), "\r\033[K\n\r\033[Kone\n\r\033[Ktwo\n\r\033[Kthree\033[J\r\033[3A");
    resize(20, 1);
    EXPECT_EQ(block.width(), 19U);
    block.draw({"one"});
    EXPECT_EQ(written(), "\r\033[K\033[J\r") << "nowhere to go up from";
    resize(0, 0);
    EXPECT_EQ(block.width(), 79U) << "without a size the default is used";
}

}  // namespace
}  // namespace flowstamp
