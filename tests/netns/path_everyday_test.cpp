// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The rulesets that most hosts have: those of Docker, fail2ban and Kubernetes' kube-proxy, rebuilt as
// these programs write them, with the lab's interfaces and addresses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/netns/live_path.h"

namespace flowstamp::lab {
namespace {

constexpr const char* kFilter = "tcp";
constexpr const char* kClusterAddresses = "10.96.0.0/12";

class PathEveryday : public LivePathTest {
  protected:
    void restore(const std::string& tool, const std::string& rules) {
        const Status done = router().require({tool + "-restore"}, rules);
        ASSERT_TRUE(done) << done.error().message();
    }
    /// The client reaches for it; nobody answers.
    void connect(const std::string& address, std::uint16_t port) {
        auto more = start_connections(lab().client(), {IpAddress::of(address.c_str()), port}, 1);
        std::ranges::move(more, std::back_inserter(connections_));
    }
    std::string server() { return lab().server().address(Family::V4).text(); }
    std::string client() { return lab().client().address(Family::V4).text(); }
    /// A node of a cluster has some route to the services' addresses; they are translated, or refused.
    void route_services() {
        run(lab().client(), fmt::format("ip route add {} via {}", kClusterAddresses,
                                        router().toward(Side::Client).address(Family::V4).text()));
        run(router(), fmt::format("ip route add {} via {}", kClusterAddresses, server()));
    }
    /// The flow to that port is dropped at the hook by this rule, for certain, and no other is named for it.
    void expect_rule(const std::string& at, std::uint16_t port, const std::string& words) {
        const auto report = path_->wait_for([&](const pathtrace::PathReport& each) {
            return each.drop && each.drop->at == at && !each.is_reply &&
                   pathtrace::destination_of(each.name).port == port && each.drop->attribution &&
                   words_of(*each.drop->attribution).contains(words) &&
                   each.drop->attribution->certainty == netfilter::Certainty::certain;
        });
        EXPECT_TRUE(report) << port << ": not reported: " << words << "\nbut "
                            << testing::PrintToString(path_->reports());
    }

    std::vector<Fd> connections_;
};

class PathEverydayOf : public PathEveryday, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Tools, PathEverydayOf, testing::Values("iptables-legacy", "iptables-nft"),
                         [](const auto& tool) {
                             std::string name = tool.param;
                             name.replace(name.find('-'), 1, "_");
                             return name;
                         });

/// A container's port that is not published; the network behind the bridge is the server's.
TEST_P(PathEverydayOf, DockersUnpublishedPort) {
    const std::string bridge = router().toward(Side::Server).name;
    restore(GetParam(), fmt::format(R"(*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s {1}/32 ! -o {0} -j MASQUERADE
-A DOCKER ! -i {0} -p tcp -m tcp --dport 8080 -j DNAT --to-destination {1}:80
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER -d {1}/32 ! -i {0} -o {0} -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER ! -i {0} -o {0} -j DROP
-A DOCKER-BRIDGE -o {0} -j DOCKER
-A DOCKER-CT -o {0} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i {0} -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i {0} ! -o {0} -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o {0} -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
)",
                                    bridge, server()));
    LivePath& path = follow(router(), kFilter);
    connect(server(), 80);
    connect(server(), 81);
    expect_rule("forward", 81, "table filter, chain DOCKER, rule 2");
    EXPECT_TRUE(path.wait_for([](const pathtrace::PathReport& report) {
        return report.has_arrived() && pathtrace::destination_of(report.name).port == 80;
    })) << "the published port is open";
}

/// An address that is banned, among others that are not.
TEST_P(PathEverydayOf, Fail2bansBan) {
    restore(GetParam(), fmt::format(R"(*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:f2b-sshd - [0:0]
:f2b-web - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -p tcp -m multiport --dports 80,443 -j f2b-web
-A f2b-sshd -s 192.0.2.7/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -s {0}/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
-A f2b-web -s {0}/32 -j DROP
-A f2b-web -j RETURN
COMMIT
)",
                                    client()));
    follow(router(), kFilter);
    const std::string own = router().toward(Side::Client).address(Family::V4).text();
    connect(own, 22);
    connect(own, 443);
    expect_rule("input", 22, "table filter, chain f2b-sshd, rule 2");
    expect_rule("input", 443, "table filter, chain f2b-web, rule 1");
}

/// A service without endpoints, beside one that has some and picks one at random.
TEST_P(PathEverydayOf, KubernetesServiceWithoutEndpoints) {
    route_services();
    restore(GetParam(), fmt::format(R"(*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SEP-ONE - [0:0]
:KUBE-SEP-TWO - [0:0]
:KUBE-SVC-DNS - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "kube-system/kube-dns:dns-tcp cluster IP" -m tcp --dport 53 -j KUBE-SVC-DNS
-A KUBE-SEP-ONE -p tcp -m tcp -j DNAT --to-destination {0}:53
-A KUBE-SEP-TWO -p tcp -m tcp -j DNAT --to-destination {0}:54
-A KUBE-SVC-DNS -j KUBE-MARK-MASQ
-A KUBE-SVC-DNS -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-ONE
-A KUBE-SVC-DNS -j KUBE-SEP-TWO
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-SERVICES -d 10.96.0.76/32 -p tcp -m comment --comment "default/api has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
-A KUBE-SERVICES -d 10.96.0.77/32 -p tcp -m comment --comment "default/web has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
COMMIT
)",
                                    server()));
    LivePath& path = follow(router(), kFilter);
    connect("10.96.0.77", 80);
    connect("10.96.0.10", 53);
    expect_rule("forward", 80, "default/web has no endpoints");
    EXPECT_TRUE(path.wait_for([](const pathtrace::PathReport& report) {
        return report.has_arrived() && report.translated &&
               pathtrace::destination_of(report.name).port == 53;
    })) << "a service with endpoints";
}

/// fail2ban's nftables action: a set of addresses.
TEST_F(PathEveryday, Fail2bansSet) {
    nft(router(), fmt::format(R"(table inet f2b-table {{
        set addr-set-sshd {{ type ipv4_addr; elements = {{ 192.0.2.7, {0} }} }}
        set addr-set-web {{ type ipv4_addr; elements = {{ 192.0.2.7 }} }}
        chain f2b-chain {{
            type filter hook input priority filter - 1; policy accept;
            tcp dport {{ 22, 443 }} ip saddr @addr-set-web reject with icmp type port-unreachable
            tcp dport 22 ip saddr @addr-set-sshd reject with icmp type port-unreachable
        }}
    }})",
                              client()));
    follow(router(), kFilter);
    connect(router().toward(Side::Client).address(Family::V4).text(), 22);
    expect_rule("input", 22, "ip saddr @addr-set-sshd reject");
}

/// kube-proxy's nftables mode: nothing there counts, and maps decide.
TEST_F(PathEveryday, KubernetesMaps) {
    route_services();
    nft(router(), fmt::format(R"(table ip kube-proxy {{
        comment "rules for kube-proxy";
        set cluster-ips {{ type ipv4_addr; elements = {{ 10.96.0.10, 10.96.0.77 }} }}
        chain reject-chain {{ reject
        }}
        map no-endpoint-services {{
            type ipv4_addr . inet_proto . inet_service : verdict
            elements = {{ 10.96.0.76 . tcp . 80 comment "default/api" : drop,
                          10.96.0.77 . tcp . 80 comment "default/web" : goto reject-chain }}
        }}
        chain endpoint-one {{ meta l4proto tcp dnat to {0}:53
        }}
        chain endpoint-two {{ meta l4proto tcp dnat to {0}:54
        }}
        chain service-dns {{
            numgen random mod 2 vmap {{ 0 : goto endpoint-one, 1 : goto endpoint-two }}
        }}
        map service-ips {{
            type ipv4_addr . inet_proto . inet_service : verdict
            elements = {{ 10.96.0.10 . tcp . 53 : goto service-dns }}
        }}
        chain services {{
            ip daddr . meta l4proto . th dport vmap @service-ips
        }}
        chain nat-prerouting {{ type nat hook prerouting priority dstnat; policy accept
            jump services
        }}
        chain cluster-ips-check {{
            ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
            ip daddr {{ 10.96.0.0/12 }} drop comment "Drop traffic to unallocated ClusterIPs"
        }}
        chain service-endpoints-check {{
            ip daddr . meta l4proto . th dport vmap @no-endpoint-services
        }}
        chain filter-forward {{ type filter hook forward priority -110; policy accept
            ct state new jump service-endpoints-check
            ct state new jump cluster-ips-check
        }}
    }})",
                              server()));
    LivePath& path = follow(router(), kFilter);
    connect("10.96.0.77", 80);
    connect("10.96.0.77", 81);
    connect("10.96.0.99", 82);
    connect("10.96.0.10", 53);
    expect_rule("forward", 80, "chain reject-chain");
    expect_rule("forward", 81, "Reject traffic to invalid ports of ClusterIPs");
    expect_rule("forward", 82, "Drop traffic to unallocated ClusterIPs");
    EXPECT_TRUE(path.wait_for([](const pathtrace::PathReport& report) {
        return report.has_arrived() && report.translated &&
               pathtrace::destination_of(report.name).port == 53;
    })) << "a service with endpoints";
}

}  // namespace
}  // namespace flowstamp::lab
