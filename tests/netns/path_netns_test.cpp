// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` through several network namespaces, as between a container and its host: one packet is one
// report, and each namespace answers for itself.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "tests/netns/live_path.h"
#include "tests/netns/path_probe_fixture.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/kernel/features/bpf_objects.h"
#include "user/lab/download.h"
#include "user/lab/server.h"

namespace flowstamp::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using End = pathtrace::PacketPath::End;

/// outside (client) -- up [host: router] br0 -- eth0 (container: server). The host translates what leaves
/// by its uplink, and forwards a port of its own to the container.
class PathNetns : public LivePathTest, public testing::WithParamInterface<const char*> {
  protected:
    static constexpr std::uint16_t kPassed = 10177, kHostDrops = 10172, kContainerDrops = 10173;
    static constexpr unsigned kEach = 5;
    static constexpr char kFilter[] = "udp portrange 10172-10177";

    void SetUp() override {
        LivePathTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        receiver_ = udp_socket(lab().client(), {lab().client().address(), kPassed});
        const Interface& its = host().toward(Side::Server);
        ip(host(), fmt::format("link add br0 address {} type bridge\n"
                               "link set br0 up\n"
                               "link set {} master br0\n"
                               "addr flush dev {}\n"
                               "addr add {}/24 dev br0\n"
                               "neigh replace {} lladdr {} dev br0 nud permanent\n",
                               its.mac.text(), its.name, its.name, its.ipv4.text(),
                               its.neighbour_ipv4.text(), its.neighbour_mac.text()));
        nft(host(), fmt::format("table ip nat {{\n"
                                "chain in {{ type nat hook prerouting priority -100;\n"
                                "iifname to-client tcp dport 10174 dnat to {0}:80\n"
                                "iifname to-client udp dport 10174 dnat to {0}:10174\n}}\n"
                                "chain out {{ type nat hook postrouting priority 100;\n"
                                "oifname to-client masquerade\n}}\n}}\n",
                                container().address().text()));
    }
    /// The same table in both, with a rule for another port: handles and names are alike.
    void drop_in_both() {
        for (const auto& [where, port] :
             {std::pair(&host(), kHostDrops), std::pair(&container(), kContainerDrops)}) {
            nft(*where, fmt::format("table inet site {{\n"
                                    "chain pre {{ type filter hook prerouting priority -150;\n"
                                    "udp dport {0} counter drop\n}}\n"
                                    "chain out {{ type filter hook output priority 0;\n"
                                    "udp dport {0} counter drop\n}}\n}}\n",
                                    port));
        }
    }
    static void ip(const Namespace& where, const std::string& batch) {
        const Status done = where.require({"ip", "-batch", "-"}, batch);
        ASSERT_TRUE(done) << done.error().message();
    }

    const Namespace& host() { return router(); }
    const Namespace& container() { return lab().server(); }
    [[nodiscard]] std::string in_container(const std::string& name) {
        return container().name() + "/" + name;
    }
    LivePath& follow_both(const std::string& filter = kFilter) {
        return path_.emplace(
            host(),
            std::vector<std::string>{"to-client", "to-server", "br0", in_container("to-router1")},
            filter, std::vector<std::string>{container().name()});
    }
    /// Datagrams from the container to the client, a flow each. EPERM if OUTPUT drops it.
    void send_out(std::uint16_t port, unsigned count = kEach) {
        container().run_in([&] {
            for (unsigned i = 0; i < count; i++) {
                lab::SocketAddress to({lab().client().address(), port});
                const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
                const ssize_t sent = ::sendto(socket.get(), "x", 1, 0, to.get(), to.length);
                EXPECT_TRUE(sent == 1 || errno == EPERM) << errno;
            }
        });
    }
    Endpoint published() { return {host().toward(Side::Client).ipv4, 10174}; }

    Fd receiver_{};  ///< so that the client does not refuse what passes

    /// Why it cannot begin.
    std::string refusal(const std::vector<std::string>& interfaces,
                        const std::vector<std::string>& netns) {
        try {
            LivePath(host(), interfaces, kFilter, netns).stop();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }
};

/// With and without a bridge that calls IP's hooks itself.
INSTANTIATE_TEST_SUITE_P(Bridge, PathNetns, testing::Values("0", "1"), [](const auto& info) {
    return *info.param == '0' ? "Alone" : "CallsIpHooks";
});

/// The two orders in which a packet that leaves the container passes the bridge.
std::vector<std::string> into_the_host(bool is_by_bridge) {
    return is_by_bridge ? std::vector<std::string>{"to-server in", "prerouting", "br0 in"}
                        : std::vector<std::string>{"to-server in", "br0 in", "prerouting"};
}

TEST_P(PathNetns, OutOfTheContainerIsOnePacket) {
    ASSERT_TRUE(host().set_sysctl("net.bridge.bridge-nf-call-iptables", GetParam()));
    LivePath& path = follow_both();
    send_out(kPassed);
    const auto report = path.wait_for(End::left);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    std::vector<std::string> steps = {in_container("output"), in_container("postrouting"),
                                      in_container("to-router1 out")};
    std::ranges::copy(into_the_host(*GetParam() == '1'), std::back_inserter(steps));
    std::ranges::copy(std::array{"forward", "postrouting", "to-client out"},
                      std::back_inserter(steps));
    EXPECT_EQ(steps_of(*report), steps);
    EXPECT_EQ(report->netns, "");
    EXPECT_EQ(pathtrace::source_of(report->name).ip_text(), container().address().text());
    ASSERT_TRUE(report->translated);
    EXPECT_EQ(pathtrace::source_of(*report->translated).ip_text(),
              host().toward(Side::Client).ipv4.text());
    expect_sums(path, kEach, 0);
}

TEST_P(PathNetns, DroppedByTheHostsRule) {
    ASSERT_TRUE(host().set_sysctl("net.bridge.bridge-nf-call-iptables", GetParam()));
    drop_in_both();
    LivePath& path = follow_both();
    send_out(kHostDrops);
    const auto report = expect_rule_named("prerouting", "udp dport 10172");
    EXPECT_EQ(report.netns, "");
    ASSERT_FALSE(report.steps.empty());
    EXPECT_EQ(report.steps.front().at, in_container("output"));
    expect_sums(path, 0, kEach);
}

TEST_P(PathNetns, DroppedByTheContainersOwnRule) {
    ASSERT_TRUE(host().set_sysctl("net.bridge.bridge-nf-call-iptables", GetParam()));
    drop_in_both();
    LivePath& path = follow_both();
    send_out(kContainerDrops);
    const auto report = expect_rule_named(in_container("output"), "udp dport 10173");
    EXPECT_EQ(report.netns, container().name());
    EXPECT_EQ(report.netns_command, "nsenter --net=/run/netns/" + container().name());
    EXPECT_THAT(steps_of(report), ElementsAre(in_container("output")));
    expect_sums(path, 0, kEach);
}

TEST_P(PathNetns, DeliveredInTheContainerFromOutside) {
    ASSERT_TRUE(host().set_sysctl("net.bridge.bridge-nf-call-iptables", GetParam()));
    const lab::Server server = require(lab::Server::start(container(), {}));
    LivePath& path = follow_both("tcp");
    lab::DownloadOptions options = to_server(50'000);
    options.server = published();
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Complete);
    const auto request = path.wait_for(End::delivered);
    ASSERT_TRUE(request) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*request),
                ElementsAre("to-client in", "prerouting", "forward", "postrouting", "br0 out",
                            "to-server out", in_container("to-router1 in"),
                            in_container("prerouting"), in_container("input")));
    EXPECT_EQ(request->netns, container().name());
    EXPECT_EQ(pathtrace::destination_of(request->name).text(), published().text());
    ASSERT_TRUE(request->translated);
    EXPECT_EQ(pathtrace::destination_of(*request->translated).text(),
              (Endpoint{container().address(), 80}).text());
    const auto answer = path.wait_for(
        [](const pathtrace::PathReport& each) { return each.is_reply && each.end == End::left; });
    ASSERT_TRUE(answer) << testing::PrintToString(path.reports());
    EXPECT_EQ(steps_of(*answer).front(), in_container("output"));
    EXPECT_EQ(steps_of(*answer).back(), "to-client out");
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.flows, 1U) << testing::PrintToString(path.reports());
    EXPECT_EQ(stats.left() + stats.delivered, stats.packets);
    EXPECT_EQ(stats.unknown, 0U);
}

TEST_P(PathNetns, DroppedByTheContainersRuleFromOutside) {
    ASSERT_TRUE(host().set_sysctl("net.bridge.bridge-nf-call-iptables", GetParam()));
    nft(container(),
        "table inet site { chain in { type filter hook input priority 0; udp dport 10174 counter "
        "drop; }; }");
    LivePath& path = follow_both();
    send_datagrams(lab().client(), published().address, 10174, kEach);
    const auto report = expect_rule_named(in_container("input"), "table inet site, chain in");
    EXPECT_EQ(report.netns, container().name());
    EXPECT_EQ(steps_of(report).front(), "to-client in");
    EXPECT_EQ(pathtrace::destination_of(report.name).text(), published().text());
    expect_sums(path, 0, kEach);
}

/// Only one interface is named: the veth's ends are known all the same.
TEST_P(PathNetns, WithoutStationsAtTheVeth) {
    ASSERT_TRUE(host().set_sysctl("net.bridge.bridge-nf-call-iptables", GetParam()));
    drop_in_both();
    path_.emplace(host(), std::vector<std::string>{"to-client"}, kFilter,
                  std::vector<std::string>{container().name()});
    send_out(kPassed);
    send_out(kHostDrops);
    const auto dropped = expect_rule_named("prerouting", "udp dport 10172");
    EXPECT_THAT(steps_of(dropped),
                ElementsAre(in_container("output"), in_container("postrouting"), "prerouting"));
    const auto left = path_->wait_for(End::left);
    ASSERT_TRUE(left) << testing::PrintToString(path_->reports());
    EXPECT_THAT(steps_of(*left),
                ElementsAre(in_container("output"), in_container("postrouting"), "prerouting",
                            "forward", "postrouting", "to-client out"));
    expect_sums(*path_, kEach, kEach);
}

class PathNetnsAlone : public PathNetns {};
INSTANTIATE_TEST_SUITE_P(Bridge, PathNetnsAlone, testing::Values("0"),
                         [](const auto&) { return "Alone"; });

/// The socket, and who holds it, are looked up where the packet was delivered.
TEST_P(PathNetnsAlone, WhoHoldsTheContainersSocket) {
    const Fd socket = udp_socket(container(), {container().address(), 10174});
    LivePath& path = follow_both("udp port 10174");
    send_datagrams(lab().client(), published().address, 10174, 1);
    ASSERT_TRUE(path.wait_for(End::delivered)) << testing::PrintToString(path.reports());
    path.stop();
    const auto reports = path.reports();
    const auto found = std::ranges::find_if(
        reports, [](const pathtrace::PathReport& each) { return each.delivery.has_value(); });
    ASSERT_NE(found, reports.end()) << testing::PrintToString(reports);
    EXPECT_EQ(found->delivery->state, "UNCONN");
    EXPECT_TRUE(std::ranges::any_of(found->delivery->processes,
                                    [](const auto& its) { return its.pid == ::getpid(); }));
    EXPECT_TRUE(found->delivery->causes.empty()) << found->delivery->causes.front().words;
}

/// The host has no such socket, and its counter has not moved.
TEST_P(PathNetnsAlone, CounterOfTheContainer) {
    LivePath& path = follow_both();
    send_datagrams(lab().client(), published().address, 10174, 3);
    path.wait_for(End::dropped);
    std::this_thread::sleep_for(500ms);
    path.stop();
    const auto reports = path.reports();
    const auto found = std::ranges::find_if(reports, [](const pathtrace::PathReport& each) {
        return each.drop && each.drop->reason == "NO_SOCKET";
    });
    ASSERT_NE(found, reports.end()) << testing::PrintToString(reports);
    EXPECT_EQ(found->netns, container().name());
    EXPECT_EQ(found->drop->at, in_container("input"));
    ASSERT_TRUE(found->drop->counter);
    EXPECT_EQ(found->drop->counter->name, "UdpNoPorts");
}

/// The container's queue, by the interface's name there.
TEST_P(PathNetnsAlone, QueueOfTheContainer) {
    run(container(),
        "tc qdisc add dev to-router1 root handle 7: tbf rate 8kbit burst 1600 limit 1600");
    LivePath& path = follow_both();
    send_out(kPassed, 100);
    const auto report = path.wait_for(
        [](const pathtrace::PathReport& each) { return each.drop && each.drop->counter; });
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_EQ(report->netns, container().name());
    EXPECT_THAT(report->drop->words.words, testing::EndsWith(": tbf 7:, root of to-router1"));
}

TEST_P(PathNetnsAlone, ChangeOfTheContainersRuleset) {
    LivePath& path = follow_both();
    nft(container(),
        "table inet late { chain out { type filter hook output priority -150; "
        "udp dport 10173 counter drop; }; }");
    ASSERT_TRUE(path.wait_for_notice(container().name() + ": the ruleset has changed"))
        << testing::PrintToString(path.notices());
    send_out(kContainerDrops);
    expect_rule_named(in_container("output"), "table inet late, chain out");
    send_out(kPassed);
    EXPECT_TRUE(path.wait_for(End::left)) << testing::PrintToString(path.reports());
    expect_sums(path, kEach, kEach);
}

/// A process stands for the namespace that it is in.
TEST_P(PathNetnsAlone, ByProcess) {
    drop_in_both();
    Child process = require(container().spawn({"sleep", "60"}));
    const std::string id = std::to_string(process.pid());
    path_.emplace(host(), std::vector<std::string>{"to-client", id + "/to-router1"}, kFilter,
                  std::vector<std::string>{id});
    send_out(kContainerDrops);
    const auto report = expect_rule_named(id + "/output", "udp dport 10173");
    EXPECT_EQ(report.netns, id);
    EXPECT_EQ(report.netns_command, "nsenter --net=/proc/" + id + "/ns/net");
    expect_sums(*path_, 0, kEach);
}

/// A filter of the host's bridge is behind the container's last station. The container has a rule for the
/// same packets, which never reached it.
TEST_P(PathNetnsAlone, NoRuleIsBlamedAcrossTheVeth) {
    nft(container(),
        "table netdev site { chain out { type filter hook egress device to-router1 priority 0; "
        "udp dport 10177 counter; udp dport 10178 counter drop; }; }");
    nft(host(),
        "table bridge site { chain pre { type filter hook prerouting priority 0; "
        "udp dport 10177 counter drop; }; }");
    path_.emplace(host(), std::vector<std::string>{"to-client", in_container("to-router1")},
                  kFilter, std::vector<std::string>{container().name()});
    send_out(kPassed);
    const auto report = path_->wait_for(End::dropped);
    ASSERT_TRUE(report) << testing::PrintToString(path_->reports());
    EXPECT_EQ(report->drop->reason, "NETFILTER_DROP");
    EXPECT_EQ(report->drop->at, in_container("to-router1 out"));
    EXPECT_EQ(report->netns, "");
    EXPECT_FALSE(report->drop->attribution) << testing::PrintToString(*report);
    expect_sums(*path_, 0, kEach);
}

/// As on kernels before 6.6: tracepoints see the interfaces of both.
TEST_P(PathNetnsAlone, WithoutTcx) {
    fst_path_match udp = protocol(IPPROTO_UDP);
    udp.destination_port[0] = udp.destination_port[1] = kPassed;
    const auto there = [](pathtrace::Station station) {
        station.netns = "there";
        return station;
    };
    using Kind = pathtrace::Station::Kind;
    const auto inode =
        container().run_in([] { return kernel::NetNamespace::of_this_thread().inode(); });
    PathWatch watch(host(),
                    {.stations = {at_tc(Kind::tc_ingress, "to-server"), at_hook(kPrerouting, -301),
                                  at_tc(Kind::tc_egress, "to-client")},
                     .others = {{.inode = static_cast<std::uint32_t>(inode),
                                 .stations = {there(at_hook(kOutput, 1)),
                                              there(at_tc(Kind::tc_egress, "to-router1"))},
                                 .inside = [&](const auto& work) { container().run_in(work); }}},
                     .matches = {udp},
                     .tcx = false});
    send_out(kPassed, 1);
    const auto paths = paths_of(watch.events());
    ASSERT_EQ(paths.size(), 1U);
    EXPECT_THAT(watch.path_text(paths[0]),
                ::testing::StartsWith("output+1 egress(to-router1) ingress(to-server) "
                                      "prerouting-301 egress(to-client)"));
    EXPECT_EQ(paths[0][0].netns, static_cast<std::uint32_t>(inode));
    EXPECT_NE(paths[0][2].netns, static_cast<std::uint32_t>(inode));
}

TEST_P(PathNetnsAlone, NeedsTheRightToEnter) {
    const std::string refused = host().run_in([&] {
        drop_sys_admin();
        const SystemClock clock;
        const auto tracer = pathtrace::Tracer::start(
            {.interfaces = {"to-client"}, .netns = {container().name()}, .filter = kFilter},
            {.report = [](const pathtrace::PathEvent&) {},
             .clock = clock,
             .notice = [](std::string_view) {}});
        return tracer ? std::string() : tracer.error().message();
    });
    EXPECT_EQ(refused,
              container().name() +
                  ": follow network namespace: operation not permitted; entering one needs "
                  "CAP_SYS_ADMIN, a process's also CAP_SYS_PTRACE: run as root");
}

TEST_P(PathNetnsAlone, NothingStaysAttached) {
    const auto programs_there = [&] {
        return container().run_in([] {
            const auto its = require(kernel::find_interface("to-router1"));
            return kernel::tcx_programs(its.index, BPF_TCX_INGRESS).size() +
                   kernel::tcx_programs(its.index, BPF_TCX_EGRESS).size();
        });
    };
    LivePath& path = follow_both();
    EXPECT_EQ(programs_there(), 2U);
    path.stop();
    EXPECT_EQ(programs_there(), 0U);
    // The priorities are free again: a second run has no notice about them.
    LivePath again(host(), {"to-client"}, kFilter, {container().name()});
    again.stop();
    EXPECT_THAT(again.notices(), testing::IsEmpty());
}

TEST_P(PathNetnsAlone, Refusals) {
    EXPECT_THAT(refusal({"to-client"}, {"no-such-name"}),
                HasSubstr("no-such-name: follow network namespace: neither a name below /run/netns "
                          "nor the id of a running process; `ip netns` lists names"));
    EXPECT_THAT(refusal({"to-client"}, {"../../tmp"}), HasSubstr("neither a name"));
    EXPECT_THAT(refusal({"to-client"}, {""}), HasSubstr("neither a name"));
    Child process = require(container().spawn({"true"}));
    const std::string dead = std::to_string(process.pid());
    (void)process.wait(5s);
    EXPECT_THAT(refusal({"to-client"}, {dead}), HasSubstr("nor the id of a running process"));
    EXPECT_THAT(refusal({"to-client"}, {host().name()}),
                HasSubstr("it is the one that this command runs in"));
    EXPECT_THAT(refusal({"to-client"}, {container().name(), container().name()}),
                HasSubstr("it is given twice"));
    Child there = require(container().spawn({"sleep", "60"}));
    EXPECT_THAT(refusal({"to-client"}, {container().name(), std::to_string(there.pid())}),
                HasSubstr("it is the same as " + container().name()));
    EXPECT_THAT(refusal({"web/eth0"}, {container().name()}),
                HasSubstr("web/eth0: follow packets through: network namespace 'web' is not "
                          "followed; add --netns web"));
    EXPECT_THAT(refusal({in_container("to-client")}, {container().name()}),
                HasSubstr(in_container("to-client") +
                          ": no such interface; list them with `nsenter --net=/run/netns/" +
                          container().name() + " ip link`"));
}

}  // namespace
}  // namespace flowstamp::lab
