// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "tests/support/packet.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

namespace packet = flowstamp::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

const cmd::demo::End server{"203.0.113.2", 80};
const cmd::demo::End client{"198.51.100.2", 40000};

cmd::demo::ResetFact reset(std::uint64_t id, const std::string& action,
                           const std::string& challenge) {
    return {.id = id,
            .source = server,
            .destination = client,
            .verdict = "confirmed",
            .cause = "forged",
            .action = action,
            .challenge = challenge};
}

lab::InjectedFrame forged(lab::Side toward) {
    return {toward,
            {},
            (packet::Ethernet{} / packet::Ipv4{} / packet::Tcp{.flags = packet::Rst | packet::Ack})
                .bytes()};
}

/// The record of a run in which the download was reset, with the reported resets, if any.
cmd::demo::RunRecord record_of(std::vector<cmd::demo::ResetFact> resets) {
    cmd::demo::RunRecord record{.name = "1 run", .wanted = 8'000'000, .server = server};
    record.download.outcome = lab::Outcome::Reset;
    record.download.errno_value = ECONNRESET;
    record.download.bytes = 3'014'656;
    record.download.elapsed = 417ms;
    record.download.local.port = client.port;
    record.injected = {forged(lab::Side::Client)};
    record.facts.resets = std::move(resets);
    return record;
}

std::string text_of(const cmd::demo::Summary& summary) {
    std::string path = "/tmp/flowstamp-summary-XXXXXX";
    ::close(::mkstemp(path.data()));
    auto output = output::Output::file(path);
    EXPECT_TRUE(output);
    cmd::demo::Narrator narrator(*output, output::Style(false), false, 100);
    summary.report(narrator);
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    ::unlink(path.c_str());
    return text.str();
}

TEST(DemoWords, OfNumbers) {
    EXPECT_EQ(cmd::demo::grouped(0), "0");
    EXPECT_EQ(cmd::demo::grouped(999), "999");
    EXPECT_EQ(cmd::demo::grouped(8'000'000), "8,000,000");
    EXPECT_EQ(cmd::demo::grouped(12'345), "12,345");
    EXPECT_EQ(cmd::demo::megabytes(3'014'656), "3.0");
    EXPECT_THAT(cmd::demo::progress_text(4'000'000, 8'000'000),
                HasSubstr("[####################    "));
    EXPECT_THAT(cmd::demo::progress_text(9, 8), HasSubstr("########]"))
        << "never wider than its frame";
}

TEST(DemoWords, OfADownload) {
    cmd::demo::RunRecord record = record_of({});
    EXPECT_EQ(cmd::demo::download_sentence(record),
              "The download broke off after 417 ms (ECONNRESET): 3,014,656 of 8,000,000 bytes.");
    EXPECT_EQ(cmd::demo::download_text(record), "reset at 3.0/8.0 MB");
    record.download.outcome = lab::Outcome::TimedOut;
    EXPECT_EQ(cmd::demo::download_text(record), "stuck at 3.0/8.0 MB");
    record.download.outcome = lab::Outcome::Corrupted;
    EXPECT_EQ(cmd::demo::download_text(record), "failed at 3.0/8.0 MB");
    record.download.outcome = lab::Outcome::Complete;
    record.download.bytes = 8'000'000;
    EXPECT_EQ(cmd::demo::download_text(record), "complete, 8.0 MB");
}

TEST(DemoWords, OfWhatWasForged) {
    cmd::demo::RunRecord record = record_of({});
    EXPECT_EQ(cmd::demo::sent_text(record), "1 RST+ACK");
    record.injected.push_back(forged(lab::Side::Server));
    EXPECT_EQ(cmd::demo::sent_text(record), "1+1 RST+ACK");
    record.injected.clear();
    EXPECT_EQ(cmd::demo::sent_text(record), "none");
}

TEST(DemoWords, OfTheVerdictsOfWatch) {
    const cmd::demo::RunRecord nothing = record_of({});
    EXPECT_EQ(cmd::demo::verdict_text(nothing) + cmd::demo::action_text(nothing) +
                  cmd::demo::answer_text(nothing),
              "---");
    cmd::demo::RunRecord several = record_of(
        {reset(1, "challenged", "refuted"), reset(2, "dropped", ""), reset(3, "dropped", "")});
    EXPECT_EQ(cmd::demo::verdict_text(several), "confirmed");
    EXPECT_EQ(cmd::demo::action_text(several), "1 challenged, 2 dropped");
    EXPECT_EQ(cmd::demo::answer_text(several), "refuted");
    several.facts.resets[1].is_answer = true;
    EXPECT_EQ(cmd::demo::action_text(several), "1 challenged, 1 dropped")
        << "an answer does not count by itself";
    several.facts.findings = {{.id = 1,
                               .source = server,
                               .destination = client,
                               .verdict = "suspected",
                               .resolution = {},
                               .summary = {},
                               .kind = "forged-rst",
                               .sender_hops = {}}};
    EXPECT_EQ(cmd::demo::verdict_text(several), "suspected") << "the finding's verdict counts";
}

TEST(DemoSummary, IsAsExpectedUntilSomethingDiffers) {
    const cmd::demo::RunRecord record = record_of({reset(1, "observed", "")});
    cmd::demo::Summary summary;
    summary.add(record);
    summary.expect(record, true, "the download ended");
    EXPECT_TRUE(summary.is_as_expected());
    EXPECT_EQ(text_of(summary),
              "step   forged     download             verdict    action    answer\n"
              "1 run  1 RST+ACK  reset at 3.0/8.0 MB  confirmed  observed  -\n\n");
    summary.expect(record, false, "the download ended");
    EXPECT_FALSE(summary.is_as_expected());
    EXPECT_THAT(text_of(summary), HasSubstr("Not as expected: 1 run: the download ended.\n"));
}

TEST(DemoWords, OfAConnection) {
    const lab::ExchangeOptions wanted{.rounds = 3, .bytes = 1000};
    lab::DownloadReport report{
        .outcome = lab::Outcome::TimedOut, .operation = {}, .elapsed = 3500ms};
    EXPECT_EQ(cmd::demo::conversation_sentence(wanted, report),
              "The client gives up after 3.5 s: no connection.");
    EXPECT_EQ(cmd::demo::conversation_text(report), "given up after 3.5 s");
    report = {.outcome = lab::Outcome::Refused,
              .errno_value = ECONNREFUSED,
              .operation = {},
              .elapsed = 1ms};
    EXPECT_EQ(cmd::demo::conversation_sentence(wanted, report),
              "No connection: ECONNREFUSED after 1.0 ms.");
    EXPECT_EQ(cmd::demo::conversation_text(report), "ECONNREFUSED after 1.0 ms");
    report = {.outcome = lab::Outcome::Reset,
              .errno_value = ECONNRESET,
              .operation = {},
              .bytes = 1000,
              .connected_after = 1ms,
              .elapsed = 600ms};
    EXPECT_EQ(
        cmd::demo::conversation_sentence(wanted, report),
        "Connected after 1.0 ms, but ECONNRESET after 600 ms: 1,000 of 3,000 bytes came back.");
    report = {.outcome = lab::Outcome::Complete,
              .operation = {},
              .bytes = 3000,
              .connected_after = 4100ms,
              .elapsed = 4200ms};
    EXPECT_EQ(
        cmd::demo::conversation_sentence(wanted, report),
        "Connected after 4.1 s, and all is well: 3,000 of 3,000 bytes came back within 4.2 s.");
    EXPECT_EQ(cmd::demo::conversation_text(report), "complete, connected after 4.1 s");
}

TEST(DemoSummary, HasARowForEachConnection) {
    cmd::demo::Summary summary;
    summary.add(cmd::demo::ConversationRow{"before", "complete, connected after 1.0 ms", "-"});
    summary.add(cmd::demo::ConversationRow{"blocked", "given up after 3.5 s", "syn-unanswered"});
    summary.expect("blocked", false, "watch claims too much.");
    EXPECT_EQ(text_of(summary),
              "connection  the client's socket               flowstamp reported\n"
              "before      complete, connected after 1.0 ms  -\n"
              "blocked     given up after 3.5 s              syn-unanswered\n\n"
              "Not as expected: blocked: watch claims too much.\n");
}

TEST(DemoDrawing, ArrowsReachTheMiddleOfAHost) {
    const std::vector<std::string> hosts{"client", "router1", "server"};
    //                               client ----- router1 ----- server
    EXPECT_EQ(cmd::demo::arrow(hosts, 1, "x"), "   <------------+  x\n");
    EXPECT_EQ(cmd::demo::arrow(hosts, 2, "x"), "   <--------------------------+  x\n");
    EXPECT_EQ(cmd::demo::arrow(hosts, 3, "x"), "") << "no such host";
    EXPECT_EQ(cmd::demo::arrow(hosts, 0, "x"), "");
}

}  // namespace
}  // namespace flowstamp::cmd::demo
