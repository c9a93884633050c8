// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` beside others that use BPF in netfilter hooks: more of its kind, and programs that drop.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "tests/netns/foreign_program.h"
#include "tests/netns/live_path.h"
#include "tests/netns/watch_fixture.h"
#include "user/lab/socket.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint32_t kForwardHook = 2;  // NF_INET_FORWARD

/// Chains at neighbouring priorities: between some there is room for one station, or for none.
constexpr char kNeighbours[] = R"(
table inet neighbours {
    chain raw { type filter hook prerouting priority -300; udp dport 10171 counter drop; }
    chain early { type filter hook forward priority -1; udp dport 10172 counter drop; }
    chain filter { type filter hook forward priority 0; udp dport 10173 counter drop; }
    chain apart { type filter hook forward priority 2; udp dport 10174 counter drop; }
    chain farther { type filter hook forward priority 5; udp dport 10175 counter drop; tcp dport 10179 counter drop; }
    chain late { type filter hook postrouting priority 300; udp dport 10176 counter drop; }
}
)";

/// client -- router -- server; several programs look at the router.
class PathBeside : public LivePathTest {
  protected:
    static constexpr std::uint16_t kFirst = 10171, kLast = 10177;
    static constexpr unsigned kEach = 5;

    /// Of each port: where its packets ended, by what, and how many.
    using Summary = std::map<std::uint16_t, std::map<std::string, std::uint64_t>>;
    static Summary summary(LivePath& path) {
        std::map<std::tuple<std::uint64_t, bool, std::string>,
                 std::pair<std::uint16_t, std::uint64_t>>
            last;
        for (const pathtrace::PathReport& report : path.reports()) {
            std::string end(name_of(report.end));
            if (report.drop) {
                end += " at " + report.drop->at;
            }
            if (report.drop && report.drop->attribution) {
                const netfilter::DropAttribution& its = *report.drop->attribution;
                end += ": " + words_of(its) +
                       (its.certainty == netfilter::Certainty::certain ? ", certain" : "");
            }
            last[{report.flow, report.is_reply, end}] = {
                pathtrace::destination_of(report.name).port, report.packets};
        }
        Summary all;
        for (const auto& [key, value] : last) {
            all[value.first][std::get<std::string>(key)] += value.second;
        }
        return all;
    }
    void send_all() {
        for (std::uint16_t port = kFirst; port <= kLast; port++) {
            send(kEach, port);
        }
    }
    /// Waits until all packets that were sent have been reported; then ends the run.
    static const pathtrace::PathStats& all_of(LivePath& path) {
        std::this_thread::sleep_for(1500ms);  // past the longest wait for a rule
        return path.stop();
    }
    static constexpr char kFilter[] = "udp portrange 10171-10177";
};

TEST_F(PathBeside, SeveralAtOnceReportTheSameAsOne) {
    nft(router(), kNeighbours);
    Summary alone;
    {
        LivePath path(router(), interfaces_of(router()), kFilter);
        send_all();
        const pathtrace::PathStats& stats = all_of(path);
        EXPECT_EQ(stats.packets, kEach * 7U);
        EXPECT_EQ(stats.dropped, kEach * 6U);
        EXPECT_EQ(stats.left(), kEach * 1U);
        alone = summary(path);
        for (std::uint16_t port = kFirst; port < kLast; port++) {
            ASSERT_EQ(alone[port].size(), 1U) << testing::PrintToString(alone[port]);
            EXPECT_THAT(alone[port].begin()->first,
                        AllOf(HasSubstr(std::to_string(port)), HasSubstr(", certain")));
        }
    }
    cmd::WatchOptions options;
    options.path = true;
    options.filter = "tcp port 10179";
    options.interfaces = interfaces_of(router());
    LiveWatch watch(router(), options);
    LivePath first(router(), interfaces_of(router()), kFilter);
    LivePath second(router(), interfaces_of(router()), kFilter);
    send_all();
    const auto sockets =
        start_connections(lab().client(), {lab().server().address(lab::Family::V4), 10179}, 1);
    EXPECT_TRUE(watch.wait_for(
        [](const WatchLog& log) {
            return std::ranges::any_of(log.findings, [](const Updates<analysis::Finding>& each) {
                return output::summary_text(each.last).find(
                           ":10179 at forward: table inet neighbours, chain farther") !=
                       std::string::npos;
            });
        },
        5s));
    for (LivePath* const path : {&first, &second}) {
        const pathtrace::PathStats& stats = all_of(*path);
        EXPECT_EQ(stats.packets, kEach * 7U) << testing::PrintToString(path->reports());
        EXPECT_EQ(stats.unknown, 0U);
        EXPECT_EQ(summary(*path), alone);
    }
}

class PathBesideForeign : public PathBeside {
  protected:
    void SetUp() override {
        PathBeside::SetUp();
        if (!IsSkipped()) {
            nft(router(),
                "table inet f { chain forward { type filter hook forward priority 0; "
                "udp dport 10172 counter drop; }; }");
        }
    }
    static std::string words(const ForeignProgram& its, const std::string& name) {
        return fmt::format("BPF program {} (id {})", name, its.id());
    }
    LivePath& follow_all() { return follow(router(), kFilter); }
    /// Expects that all of a port's packets were lost at the hook, once each.
    static void expect_lost(LivePath& path, std::uint16_t port, const std::string& by,
                            const std::string& certainty) {
        Summary all = summary(path);
        ASSERT_EQ(all[port].size(), 1U) << testing::PrintToString(all);
        EXPECT_EQ(all[port].begin()->second, kEach);
        EXPECT_THAT(all[port].begin()->first,
                    AllOf(HasSubstr("dropped at forward: "), HasSubstr(by)));
        EXPECT_EQ(all[port].begin()->first.ends_with(", certain"), certainty == "certain")
            << all[port].begin()->first;
    }
};

/// They are on both sides of the chain, where the stations would be.
TEST_F(PathBesideForeign, OnTheWantedPlacesAreBracketedWithTheChain) {
    const ForeignProgram before(router(), kForwardHook, -1, ForeignProgram::accepts, "guard_a");
    const ForeignProgram after(router(), kForwardHook, 1, ForeignProgram::accepts, "guard_b");
    LivePath& path = follow_all();
    EXPECT_THAT(path.notices(),
                testing::ElementsAre(
                    "IPv4 forward, priority -1: " + words(before, "guard_a") + " may drop packets",
                    "IPv4 forward, priority 1: " + words(after, "guard_b") + " may drop packets"));
    send(kEach, 10172);
    send(kEach, 10173);
    const pathtrace::PathStats& stats = all_of(path);
    EXPECT_EQ(stats.packets, 2U * kEach);
    EXPECT_EQ(stats.unknown, 0U);
    expect_lost(path, 10172, "chain forward", "probable");
    const auto passed = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(passed);
    const auto forward =
        std::ranges::find(passed->steps, std::string("forward"), &pathtrace::PathStep::at);
    ASSERT_NE(forward, passed->steps.end());
    EXPECT_THAT(forward->passed,
                testing::ElementsAre(words(before, "guard_a"), "filter", words(after, "guard_b")));
}

TEST_F(PathBesideForeign, ThatDropsIsNamedAndNotTheRule) {
    const ForeignProgram guard(router(), kForwardHook, 5, ForeignProgram::drops, "guard");
    LivePath& path = follow_all();
    send(kEach, 10172);
    send(kEach, 10173);
    const pathtrace::PathStats& stats = all_of(path);
    EXPECT_EQ(stats.packets, 2U * kEach);
    EXPECT_EQ(stats.dropped, 2U * kEach);
    expect_lost(path, 10172, "chain forward", "certain");
    expect_lost(path, 10173, words(guard, "guard"), "certain");
    const auto report = path.wait_for([](const pathtrace::PathReport& each) {
        return each.drop && each.drop->attribution &&
               each.drop->attribution->tool == netfilter::RulesetTool::bpf;
    });
    ASSERT_TRUE(report);
    EXPECT_EQ(report->drop->words.words, "a netfilter hook dropped it");
    EXPECT_EQ(report->drop->words.look_at,
              fmt::format("bpftool prog show id {}; bpftool link show", guard.id()));
}

/// The only place between the chain and the program is taken, by one of the two `path`.
TEST_F(PathBesideForeign, ThatDropsIsNamedByTwoAtOnce) {
    const ForeignProgram guard(router(), kForwardHook, 2, ForeignProgram::drops, "guard");
    LivePath first(router(), interfaces_of(router()), kFilter);
    LivePath second(router(), interfaces_of(router()), kFilter);
    EXPECT_THAT(first.notices(), testing::SizeIs(1)) << testing::PrintToString(first.notices());
    EXPECT_THAT(second.notices(),
                testing::UnorderedElementsAre(
                    "IPv4 forward, priority 1: no station: taken by other programs; what is lost "
                    "before and after it is told as lost in one place",
                    "IPv4 forward, priority 2: " + words(guard, "guard") + " may drop packets"));
    send(kEach, 10172);
    send(kEach, 10173);
    for (LivePath* const path : {&first, &second}) {
        const pathtrace::PathStats& stats = all_of(*path);
        EXPECT_EQ(stats.packets, 2U * kEach);
        EXPECT_EQ(stats.dropped, 2U * kEach);
        expect_lost(*path, 10173, words(guard, "guard"), "certain");
    }
    expect_lost(first, 10172, "chain forward", "certain");
    expect_lost(second, 10172, "chain forward", "probable");
}

TEST_F(PathBesideForeign, ThatComesLaterIsNamedWithDoubt) {
    LivePath& path = follow_all();
    const ForeignProgram guard(router(), kForwardHook, 5, ForeignProgram::drops, "guard");
    send(kEach, 10173);
    EXPECT_EQ(all_of(path).dropped, kEach);
    expect_lost(path, 10173, words(guard, "guard"), "probable");
}

TEST_F(PathBesideForeign, InAnotherNamespaceDoesNotCount) {
    const ForeignProgram elsewhere(lab().client(), kForwardHook, -1, ForeignProgram::drops,
                                   "guard");
    LivePath& path = follow_all();
    EXPECT_THAT(path.notices(), testing::IsEmpty());
    send(kEach, 10172);
    EXPECT_EQ(all_of(path).dropped, kEach);
    expect_lost(path, 10172, "chain forward", "certain");
}

/// Without CAP_SYS_ADMIN the kernel does not list BPF links.
TEST_F(PathBesideForeign, ThatMayNotBeListedIsInTheWay) {
    const ForeignProgram guard(router(), kForwardHook, -1, ForeignProgram::drops, "guard");
    std::vector<std::string> notices;
    std::vector<pathtrace::PathReport> reports;
    const SystemClock clock;
    std::promise<void> attached;
    auto sender = std::async(std::launch::async, [&] {
        attached.get_future().wait();
        send(kEach, 10173);
    });
    router().run_in([&] {
        drop_sys_admin();
        auto tracer = pathtrace::Tracer::start(
            {.interfaces = interfaces_of(router()), .filter = kFilter},
            {.report =
                 [&](pathtrace::PathEvent event) {
                     if (auto* its = std::get_if<pathtrace::PathReport>(&event)) {
                         reports.push_back(std::move(*its));
                     }
                 },
             .clock = clock,
             .notice = [&](std::string_view line) { notices.emplace_back(line); }});
        attached.set_value();
        ASSERT_TRUE(tracer) << tracer.error().message();
        sender.get();
        std::this_thread::sleep_for(100ms);
        EXPECT_TRUE(tracer->finish());
    });
    EXPECT_THAT(notices, testing::ElementsAre("IPv4 forward, priority -1: a BPF program or kernel "
                                              "module at priority -1 may drop packets"));
    ASSERT_FALSE(reports.empty());
    const pathtrace::PathReport& last = reports.back();
    ASSERT_TRUE(last.drop && last.drop->attribution) << testing::PrintToString(last);
    EXPECT_EQ(words_of(*last.drop->attribution), "a BPF program or kernel module at priority -1");
    EXPECT_EQ(last.drop->attribution->certainty, netfilter::Certainty::probable);
}

}  // namespace
}  // namespace flowstamp::lab
