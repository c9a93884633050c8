// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A watch on both sides of a router: which resets the router itself made, and which it kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/netns/watch_fixture.h"
#include "user/analysis/connection/kept_reset.h"
#include "user/analysis/connection/kept_syn.h"
#include "user/lab/firewall.h"
#include "user/lab/injector.h"
#include "user/lab/socket.h"
#include "user/net/endpoint.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::lab {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr unsigned kRouter = 2;
constexpr std::uint64_t kServed = 100'000;

/// client -- router1 -- router2, watched -- router3 -- server
class WatchOrigin : public WatchTest, public ::testing::WithParamInterface<Family> {
  protected:
    void SetUp() override {
        WatchTest::SetUp();
        if (!IsSkipped()) {
            make({.routers = 3});
        }
    }

    const Namespace& router() { return lab().router(kRouter); }
    const std::string& inside() { return router().toward(Side::Client).name; }
    const std::string& outside() { return router().toward(Side::Server).name; }

    void watch_both(cmd::WatchOptions options = {}) {
        watch(router(), {inside(), outside()}, std::move(options));
    }
    Server serve(Ending ending = Ending::Finish) {
        ServerOptions options{
            .family = GetParam(), .pace = {.chunk_bytes = 16'384, .pause = 20ms}, .ending = ending};
        if (ending != Ending::Finish) {
            options.stop_after = kServed;
            options.before_ending = 20ms;
        }
        return require(Server::start(lab().server(), options));
    }
    Firewall rule(FirewallRule rule) {
        rule.family = GetParam();
        return require(Firewall::apply(router(), rule));
    }
    DownloadOptions wanted() { return to_server(400'000, GetParam()); }
    /// A download that is under way when `then` is done.
    DownloadReport download_and(const std::function<void()>& then) {
        DownloadOptions options = to_server(4'000'000, GetParam());
        options.nudge_after = 50ms;
        Download running(lab().client(), options);
        for (int i = 0; i < 400 && running.bytes() < 50'000; i++) {
            std::this_thread::sleep_for(5ms);
        }
        then();
        return running.wait();
    }
    std::string server_text() { return net_text(lab().server().address(GetParam()), 80); }
    static std::string net_text(const IpAddress& address, unsigned port) {
        const std::string text = address.text();
        return text.find(':') == std::string::npos ? text + ":" + std::to_string(port)
                                                   : "[" + text + "]:" + std::to_string(port);
    }
    static std::vector<std::string> told(const WatchLog& log, analysis::FindingKind kind) {
        std::vector<std::string> found;
        for (const Updates<analysis::Finding>& updates : log.findings) {
            if (updates.last.kind == kind) {
                found.push_back(output::summary_text(updates.last));
            }
        }
        return found;
    }
    static bool is_made_here(const Updates<analysis::Reset>& reset) {
        return reset.last.judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE);
    }
    static std::ptrdiff_t made_here(const WatchLog& log) {
        return std::ranges::count_if(log.resets, is_made_here);
    }
    bool wait_for_finding(analysis::FindingKind kind, std::chrono::milliseconds timeout) {
        return watch_->wait_for(
            [&](const WatchLog& log) {
                return std::ranges::any_of(
                    log.findings, [&](const auto& updates) { return updates.last.kind == kind; });
            },
            timeout);
    }
    void try_connect(const IpAddress& address, std::uint16_t port) {
        lab().client().run_in(
            [&] { (void)connect_tcp({address, port}, {.deadline = SteadyClock::now() + 1500ms}); });
    }
};

TEST_P(WatchOrigin, ARejectRuleHereIsNoOtherBox) {
    watch_both();
    const Server server = serve();
    std::optional<Firewall> reject;
    const DownloadReport report = download_and([&] {
        reject.emplace(rule({.action = FirewallRule::Action::RejectWithReset, .to_port = 80}));
    });
    EXPECT_EQ(report.outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    EXPECT_THAT(
        told(log, analysis::FindingKind::forged_rst),
        ElementsAre(StartsWith("This host made this reset in the name of " + server_text() +
                               ": it left by " + inside() + " and never came in by " + outside())))
        << log.text();
    EXPECT_EQ(log.findings.at(0).first.verdict, FST_VERDICT_CONFIRMED) << log.text();
    EXPECT_THAT(output::advice_text(log.findings.at(0).last), HasSubstr("no socket made it"));
    EXPECT_THAT(log.middleboxes, IsEmpty());
}

/// Joined in the middle of the connection, which no NAT translates: its ends show that it is one.
TEST_P(WatchOrigin, ARejectRuleHereIsKnownInTheMiddleOfAConnection) {
    const Server server = serve();
    std::optional<Firewall> reject;
    const DownloadReport report = download_and([&] {
        watch_both();
        std::this_thread::sleep_for(200ms);
        reject.emplace(rule({.action = FirewallRule::Action::RejectWithReset, .to_port = 80}));
    });
    EXPECT_EQ(report.outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    EXPECT_GE(made_here(log), 1) << log.text();
    EXPECT_THAT(told(log, analysis::FindingKind::forged_rst),
                ElementsAre(StartsWith("This host made this reset in the name of ")))
        << log.text();
}

TEST_P(WatchOrigin, OneInterfaceAloneShowsNothing) {
    watch(router(), {inside()});
    const Server server = serve();
    std::optional<Firewall> reject;
    const DownloadReport report = download_and([&] {
        reject.emplace(rule({.action = FirewallRule::Action::RejectWithReset, .to_port = 80}));
    });
    EXPECT_EQ(report.outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    EXPECT_EQ(made_here(log), 0) << log.text();
}

TEST_P(WatchOrigin, ABoxBeyondIsNotThisHost) {
    watch_both();
    const Server server = serve();
    const Injector injector = require(
        Injector::start(lab().router(3), {.trigger = {.after_server_bytes = 100'000, .times = 1},
                                          .forgery = {.window = Window::constant(1000)}}));
    EXPECT_EQ(download(lab().client(), wanted()).outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    wait_for_finding(analysis::FindingKind::forged_rst, 1s);
    const WatchLog log = watch_->stop();
    EXPECT_EQ(log.server_resets().size(), 1U) << log.text();
    EXPECT_EQ(made_here(log), 0) << log.text();
    EXPECT_THAT(told(log, analysis::FindingKind::forged_rst),
                ElementsAre(HasSubstr("did not send")))
        << log.text();
    EXPECT_THAT(told(log, analysis::FindingKind::local_drop), IsEmpty()) << log.text();
}

/// A program on this host that sends frames by itself, past its TCP and its rules.
TEST_P(WatchOrigin, AProgramHereIsFoundOut) {
    watch_both();
    const Server server = serve();
    const Injector injector =
        require(Injector::start(router(), {.trigger = {.after_server_bytes = 100'000, .times = 1},
                                           .forgery = {.window = Window::constant(1000)}}));
    EXPECT_EQ(download(lab().client(), wanted()).outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    EXPECT_THAT(told(log, analysis::FindingKind::forged_rst),
                ElementsAre(StartsWith("This host made this reset in the name of ")))
        << log.text();
    EXPECT_THAT(output::advice_text(log.findings.at(0).last), HasSubstr("a socket made it"));
}

TEST_P(WatchOrigin, TheServersOwnResetIsTheServers) {
    watch_both();
    for (const Ending ending : {Ending::LingerZero, Ending::CloseUnread}) {
        const Server server = serve(ending);
        EXPECT_EQ(download(lab().client(), wanted()).outcome, Outcome::Reset);
    }
    ASSERT_TRUE(wait_for_resets(2));
    const WatchLog log = watch_->stop();
    EXPECT_EQ(made_here(log), 0) << log.text();
    EXPECT_THAT(log.findings, IsEmpty()) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Families, WatchOrigin, both_families(), family_name);

/// `local-drop` of a reset that the router keeps to itself.
class WatchKeptReset : public WatchOrigin {
  protected:
    Firewall drop_resets() { return rule({.from_port = 80, .tcp_flags = "RST RST"}); }
    /// The server aborts; the client waits in vain.
    void abort_unheard() {
        const Server server = serve(Ending::LingerZero);
        DownloadOptions options = wanted();
        options.timeout = 1s;
        EXPECT_EQ(download(lab().client(), options).outcome, Outcome::TimedOut);
    }
    std::string reset_text() { return "The reset " + server_text() + " > "; }
};

TEST_P(WatchKeptReset, CameInAndNeverLeft) {
    watch_both();
    std::this_thread::sleep_for(300ms);
    const Firewall dropped = drop_resets();
    abort_unheard();
    EXPECT_TRUE(wait_for_finding(analysis::FindingKind::local_drop, 8s));
    const WatchLog log = watch_->stop();
    EXPECT_THAT(
        told(log, analysis::FindingKind::local_drop),
        ElementsAre(AllOf(StartsWith(reset_text()), HasSubstr(" came in by " + outside() +
                                                              " and never left by " + inside()))))
        << log.text();
    EXPECT_EQ(made_here(log), 0) << log.text();
}

/// With --path the kernel says it itself, with the rule, and once.
TEST_P(WatchKeptReset, WithPathTheRuleIsNamed) {
    const Firewall dropped = drop_resets();
    cmd::WatchOptions options;
    options.path = true;
    watch_both(options);
    abort_unheard();
    EXPECT_TRUE(wait_for_finding(analysis::FindingKind::local_drop, 8s));
    std::this_thread::sleep_for(analysis::KeptReset::kWait);
    const WatchLog log = watch_->stop();
    EXPECT_THAT(told(log, analysis::FindingKind::local_drop),
                ElementsAre(AllOf(StartsWith("This host drops the reset "),
                                  HasSubstr("at forward: "), HasSubstr("chain FORWARD, rule 1"))))
        << log.text();
}

/// A reset that is forwarded, and one that may have left by an interface that is not watched.
TEST_P(WatchKeptReset, NothingIsSaidInDoubt) {
    (void)require(add_shortcut(lab(), kRouter, 3));
    watch_both();
    std::this_thread::sleep_for(300ms);
    {
        const Server server = serve(Ending::LingerZero);
        EXPECT_EQ(download(lab().client(), wanted()).outcome, Outcome::Reset);
    }
    const Firewall dropped = drop_resets();
    abort_unheard();
    std::this_thread::sleep_for(analysis::KeptReset::kWait + 500ms);
    const WatchLog log = watch_->stop();
    EXPECT_THAT(told(log, analysis::FindingKind::local_drop), IsEmpty()) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Families, WatchKeptReset, both_families(), family_name);

/// `local-drop` of SYNs that the router keeps to itself.
class WatchKeptSyn : public WatchOrigin {
  protected:
    /// Connects to a port that is served first: the router forwards to the server.
    void ask_in_vain(std::uint16_t port) {
        {
            const Server server = serve();
            EXPECT_EQ(download(lab().client(), wanted()).outcome, Outcome::Complete);
        }
        try_connect(lab().server().address(GetParam()), port);
    }
    void expect_nothing_told() {
        std::this_thread::sleep_for(analysis::KeptSyn::kWait + 500ms);
        const WatchLog log = watch_->stop();
        EXPECT_THAT(told(log, analysis::FindingKind::local_drop), IsEmpty()) << log.text();
    }
};

TEST_P(WatchKeptSyn, CameInAndNeverLeft) {
    const Firewall dropped = rule({.to_port = 81});
    watch_both();
    std::this_thread::sleep_for(1100ms);
    ask_in_vain(81);
    EXPECT_TRUE(wait_for_finding(analysis::FindingKind::local_drop, 8s));
    const WatchLog log = watch_->stop();
    EXPECT_THAT(
        told(log, analysis::FindingKind::local_drop),
        ElementsAre(AllOf(StartsWith("The SYN "), HasSubstr(" came in by " + inside()),
                          HasSubstr(" and never left by " + outside() + ", nor was it answered"))))
        << log.text();
}

TEST_P(WatchKeptSyn, AnAnswerThatNeverLeft) {
    watch_both();
    std::this_thread::sleep_for(1100ms);
    const Firewall dropped = rule({.from_port = 80, .tcp_flags = "SYN,ACK SYN,ACK"});
    const Server server = serve();
    try_connect(lab().server().address(GetParam()), 80);
    EXPECT_TRUE(wait_for_finding(analysis::FindingKind::local_drop, 8s));
    const WatchLog log = watch_->stop();
    EXPECT_THAT(told(log, analysis::FindingKind::local_drop),
                ElementsAre(AllOf(StartsWith("The SYN-ACK " + server_text()),
                                  HasSubstr(" came in by " + outside()),
                                  HasSubstr(" and never left by " + inside()))))
        << log.text();
}

TEST_P(WatchKeptSyn, WhatIsRefusedHereIsNotKept) {
    const Firewall reject = rule({.action = FirewallRule::Action::RejectWithReset, .to_port = 81});
    watch_both();
    std::this_thread::sleep_for(1100ms);
    ask_in_vain(81);
    expect_nothing_told();
}

/// The other box drops it.
TEST_P(WatchKeptSyn, WhatIsForwardedIsNotKept) {
    const Firewall dropped =
        require(Firewall::apply(lab().router(3), {.family = GetParam(), .to_port = 81}));
    watch_both();
    std::this_thread::sleep_for(1100ms);
    ask_in_vain(81);
    expect_nothing_told();
}

/// It may have left by an interface that is not watched.
TEST_P(WatchKeptSyn, NothingIsSaidInDoubt) {
    const Firewall dropped = rule({.to_port = 81});
    (void)require(add_shortcut(lab(), kRouter, 3));
    watch_both();
    std::this_thread::sleep_for(1100ms);
    ask_in_vain(81);
    expect_nothing_told();
}

INSTANTIATE_TEST_SUITE_P(Families, WatchKeptSyn, both_families(), family_name);

/// Connections that the router refuses.
class WatchRefusal : public WatchOrigin {
  protected:
    std::vector<std::string> refusals(const IpAddress& server, std::uint16_t port) {
        try_connect(server, port);
        EXPECT_TRUE(wait_for_finding(analysis::FindingKind::syn_refused, 3s));
        const WatchLog log = watch_->stop();
        EXPECT_THAT(told(log, analysis::FindingKind::forged_rst), IsEmpty()) << log.text();
        return told(log, analysis::FindingKind::syn_refused);
    }
};

TEST_P(WatchRefusal, ARejectRuleHereRefuses) {
    watch_both();
    const Firewall reject = rule({.action = FirewallRule::Action::RejectWithReset, .to_port = 81});
    EXPECT_THAT(refusals(lab().server().address(GetParam()), 81),
                ElementsAre(AllOf(StartsWith("This host refused "), HasSubstr(" in the name of "),
                                  HasSubstr("the reset left by " + inside()))));
}

/// The reset of IPv6's TCP has a socket since Linux 6.13 only.
TEST_P(WatchRefusal, AClosedPortHereIsThisHosts) {
    watch(router(), {inside()});
    const auto told = refusals(router().toward(Side::Server).address(GetParam()), 81);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_THAT(told[0], StartsWith("This host refused "));
    const bool is_doubted =
        told[0].ends_with(": nothing listens there, or its own firewall rejects.");
    EXPECT_TRUE(told[0].ends_with(": nothing listens there.") ||
                (GetParam() == Family::V6 && is_doubted))
        << told[0];
}

/// Netfilter's reset has none.
TEST_P(WatchRefusal, ARejectRuleForThisHostIsARule) {
    watch(router(), {inside()});
    const Firewall reject = rule({.chain = FirewallRule::Chain::Input,
                                  .action = FirewallRule::Action::RejectWithReset,
                                  .to_port = 81});
    EXPECT_THAT(refusals(router().toward(Side::Server).address(GetParam()), 81),
                ElementsAre(AllOf(StartsWith("This host refused "),
                                  EndsWith(GetParam() == Family::V4
                                               ? "a rule of its own firewall rejects, as no socket "
                                                 "made the reset."
                                               : "or its own firewall rejects."))));
}

TEST_P(WatchRefusal, TheServersClosedPortIsTheServers) {
    watch_both();
    EXPECT_THAT(refusals(lab().server().address(GetParam()), 81),
                Not(testing::Contains(HasSubstr("This host"))));
}

INSTANTIATE_TEST_SUITE_P(Families, WatchRefusal, both_families(), family_name);

/// Of IPv4 only, as the lab's shortcut is.
class WatchOriginShortcut : public WatchOrigin {};

/// The reset comes back by an interface that nobody watches: it came in all the same.
TEST_P(WatchOriginShortcut, AResetByAnotherWayIsNotMadeHere) {
    const Shortcut shortcut = require(add_shortcut(lab(), kRouter, 3));
    for (const Argv& command : std::initializer_list<Argv>{
             {"iptables", "-t", "mangle", "-A", "PREROUTING", "-p", "tcp", "--tcp-flags", "RST",
              "RST", "-j", "MARK", "--set-mark", "7"},
             {"ip", "rule", "add", "fwmark", "7", "table", "77"},
             {"ip", "route", "add", "default", "via", shortcut.near.text(), "table", "77"}}) {
        const Status done = lab().router(3).require(command);
        ASSERT_TRUE(done) << done.error().message();
    }
    watch_both();
    const Server server = serve(Ending::LingerZero);
    EXPECT_EQ(download(lab().client(), wanted()).outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    ASSERT_EQ(log.server_resets().size(), 1U) << log.text();
    EXPECT_EQ(log.server_resets()[0].first.sighting.interface, inside()) << log.text();
    EXPECT_EQ(made_here(log), 0) << log.text();
    EXPECT_THAT(log.findings, IsEmpty()) << log.text();
}

INSTANTIATE_TEST_SUITE_P(V4, WatchOriginShortcut, ::testing::Values(Family::V4), family_name);

/// A masquerading router: both initial sequence numbers show that the flows are one.
class WatchOriginNat : public WatchOrigin {
  protected:
    void SetUp() override {
        WatchTest::SetUp();  // NOLINT(bugprone-parent-virtual-call): another lab than WatchOrigin's
        if (!IsSkipped()) {
            make({.routers = 3, .masquerade_at = kRouter});
        }
    }
};

TEST_P(WatchOriginNat, ARejectRuleHereIsNoOtherBox) {
    watch_both();
    const Server server = serve();
    std::optional<Firewall> reject;
    const DownloadReport report = download_and([&] {
        reject.emplace(rule({.action = FirewallRule::Action::RejectWithReset, .to_port = 80}));
    });
    EXPECT_EQ(report.outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    EXPECT_THAT(told(log, analysis::FindingKind::forged_rst),
                ElementsAre(StartsWith("This host made this reset in the name of ")))
        << log.text();
}

TEST_P(WatchOriginNat, TheServersOwnResetIsTheServers) {
    watch_both();
    const Server server = serve(Ending::LingerZero);
    EXPECT_EQ(download(lab().client(), wanted()).outcome, Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    EXPECT_EQ(made_here(log), 0) << log.text();
    EXPECT_THAT(log.findings, IsEmpty()) << log.text();
}

INSTANTIATE_TEST_SUITE_P(V4, WatchOriginNat, ::testing::Values(Family::V4), family_name);

}  // namespace
}  // namespace flowstamp::lab
