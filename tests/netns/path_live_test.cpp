// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` as a user runs it: a live view on a terminal, plain lines into a pipe.
#include <gmock/gmock.h>

#include "tests/netns/on_terminal.h"
#include "tests/netns/path_fixture.h"

namespace flowstamp::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kErase = "\r\033[J";

class PathLiveView : public PathTest {
  protected:
    void SetUp() override {
        PathTest::SetUp();
        if (!IsSkipped()) {
            run(router(), "iptables-nft -t mangle -A FORWARD -p udp --dport 10174 -j DROP");
        }
    }
    const lab::Namespace& router() { return lab().router(1); }
    std::vector<std::string> arguments() {
        return {"path",
                "-i",
                router().toward(lab::Side::Client).name,
                "-i",
                router().toward(lab::Side::Server).name,
                "udp port 10174"};
    }
};

TEST_F(PathLiveView, ShowsStationsAndLossesAndRestoresTheTerminal) {
    OnTerminal path(router(), arguments());
    ASSERT_TRUE(path.wait_for("waiting for packets that match udp port 10174")) << path.drawn();
    send(3);
    ASSERT_TRUE(path.wait_for("at forward (mangle): iptables-nft mangle FORWARD rule 1"))
        << path.drawn();
    ASSERT_TRUE(path.wait_for("\033[1;31m-3 ")) << "the loss, in its column\n" << path.drawn();
    path.press('\003');
    EXPECT_EQ(path.wait(), 0);

    const std::string& drawn = path.drawn();
    const std::string strong = "\033[1m";
    EXPECT_THAT(drawn, HasSubstr(strong + router().toward(lab::Side::Client).name + " in"));
    EXPECT_THAT(drawn, HasSubstr(strong + "prerouting"));
    EXPECT_THAT(drawn, HasSubstr(strong + "forward"));
    EXPECT_THAT(drawn, Not(HasSubstr(strong + "postrouting"))) << "no packet has reached it";
    EXPECT_THAT(drawn, HasSubstr("table mangle, chain FORWARD, rule 1")) << "also reported in full";

    const std::string end = drawn.substr(drawn.rfind(kErase));
    EXPECT_THAT(end, HasSubstr("0 delivered, 3 dropped, 0 lost sight\r\n  of\r\n"));
    EXPECT_TRUE(end.ends_with("\r\n"));
    EXPECT_THAT(end, Not(HasSubstr("\033[K"))) << "no more of the view behind the last words";
    EXPECT_THAT(drawn, Not(HasSubstr("\033[?"))) << "no mode to be restored";
}

TEST_F(PathLiveView, EndsWithItsTerminal) {
    OnTerminal path(router(), arguments());
    ASSERT_TRUE(path.wait_for("waiting for packets")) << path.drawn();
    path.hang_up();
    EXPECT_TRUE(path.exits());
}

TEST_F(PathLiveView, PrintsPlainLinesIntoAPipe) {
    std::vector<std::string> argv = arguments();
    argv.insert(argv.begin(), built_program());
    Child path = require(router().spawn(argv));
    ASSERT_TRUE(path.wait_for_output("following", 30s)) << path.err();
    send(3);
    EXPECT_TRUE(path.wait_for_output("DROPPED at forward", 30s)) << path.out();
    const CommandOutput output = path.stop(30s);
    EXPECT_EQ(output.status, 0);
    EXPECT_THAT(output.out, HasSubstr("3 dropped"));
    EXPECT_THAT(output.out, Not(HasSubstr("\033")));
    EXPECT_THAT(output.out, Not(HasSubstr("waiting for packets")));
}

}  // namespace
}  // namespace flowstamp::lab
