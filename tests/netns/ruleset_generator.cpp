// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/ruleset_generator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <random>
#include <set>

namespace flowstamp::lab {
namespace {

/// A base chain that may hold rules, in the order in which the packets pass them.
struct Place {
    const char* table;  ///< of iptables
    const char* hook;   ///< by nft's name; iptables' is the same in capitals
    int priority;
    bool is_tracked;  ///< the packet has its conntrack state and its mark
    bool has_in;
    bool has_out;
};
constexpr std::array kPlaces{
    Place{"raw", "prerouting", -300, false, true, false},
    Place{"mangle", "forward", -150, true, true, true},
    Place{"filter", "forward", 0, true, true, true},
    Place{"mangle", "postrouting", -150, true, false, true},
};

struct Chain {
    std::string name;
    std::size_t place;
    bool is_base;
    bool policy_drops = false;
    std::vector<std::string> rules{};
};

enum class Kind : std::uint8_t {
    port,
    source,
    destination,
    in_interface,
    out_interface,
    state,
    mark,
    source_set,
    pair_set,
    flags,
    source_port,
    protocol,
};
constexpr std::size_t kKinds = 12;

std::uint16_t port_of(std::size_t flow) {
    return static_cast<std::uint16_t>(kFirstGeneratedPort + flow);
}

/// Conditions of rules in one tool's syntax. Each holds for one flow, for all of them, or for none.
class Conditions {
  public:
    Conditions(const GeneratorOptions& options, std::mt19937_64& random)
        : options_(options), random_(random) {}

    bool is_nft() const {
        return options_.kind == RulesetKind::nft ||
               options_.kind == RulesetKind::nft_without_counters;
    }
    std::size_t below(std::size_t end) { return random_() % end; }
    bool chance(unsigned percent) { return below(100) < percent; }

    static bool is_possible(Kind kind, const Place& place) {
        switch (kind) {
            case Kind::in_interface:
                return place.has_in;
            case Kind::out_interface:
                return place.has_out;
            case Kind::state:
            case Kind::mark:
                return place.is_tracked;
            default:
                return true;
        }
    }

    /// Holds for that flow only.
    std::string own(Kind kind, std::size_t flow) {
        const std::uint16_t port = port_of(flow);
        switch (kind) {
            case Kind::mark:
                return is_nft() ? fmt::format("meta mark {} ", mark_of(flow))
                                : fmt::format("-m mark --mark {:#x}/0xff ", mark_of(flow));
            case Kind::pair_set:
                return pair_set(fmt::format("pair{}", flow));
            default:
                break;
        }
        if (!is_nft()) {
            return chance(50) ? fmt::format("-m tcp --dport {} ", port)
                              : fmt::format("-m multiport --dports {},{} ", strange_port(), port);
        }
        return chance(50) ? fmt::format("tcp dport {} ", port)
                          : fmt::format("tcp dport {{ {}, {} }} ", strange_port(), port);
    }

    /// Holds for all flows, or for none.
    std::string common(Kind kind, bool holds) {
        return is_nft() ? of_nft(kind, holds) : of_iptables(kind, holds);
    }

    static unsigned mark_of(std::size_t flow) { return static_cast<unsigned>(16 + flow); }

  private:
    std::size_t strange_port() { return 20000 + below(10000); }
    std::string strange_address() { return fmt::format("192.0.2.{}", 1 + below(250)); }
    std::string net_of(const std::string& address) {
        return address.substr(0, address.rfind('.')) + ".0/24";
    }

    std::string pair_set(const std::string& name) {
        return is_nft() ? fmt::format("ip saddr . tcp dport @{} ", name)
                        : fmt::format("-m set --match-set {} src,dst ", name);
    }

    std::string of_nft(Kind kind, bool holds) {
        const auto either = [&](std::string one, std::string other) {
            return (holds ? std::move(one) : std::move(other)) + ' ';
        };
        switch (kind) {
            case Kind::port:
                return chance(50) ? either("tcp dport 10000-10999",
                                           fmt::format("tcp dport {{ {}, {} }}", strange_port(),
                                                       40000 + below(9999)))
                                  : either(fmt::format("tcp dport != {}", strange_port()),
                                           "tcp dport != 10100-10200");
            case Kind::source:
                return either("ip saddr " + net_of(options_.client),
                              "ip saddr " + strange_address());
            case Kind::destination:
                return either("ip daddr " + options_.server, "ip daddr != " + options_.server);
            case Kind::in_interface:
                return either(fmt::format("iifname \"{}\"", options_.from_client),
                              fmt::format("iifname {{ \"wan*\", \"{}\" }}", options_.to_server));
            case Kind::out_interface:
                return either(fmt::format("oifname \"{}\"", options_.to_server),
                              fmt::format("oifname != \"{}\"", options_.to_server));
            case Kind::state:
                return chance(50) ? either("ct state new", "ct state established,related")
                                  : either("ct state { new, untracked }", "ct state invalid");
            case Kind::mark:
                return either("meta mark & 0xf0 == 0x10",
                              fmt::format("meta mark {}", 100 + below(50)));
            case Kind::source_set:
                return either("ip saddr @clients", "ip saddr @strangers");
            case Kind::pair_set:
                return holds ? pair_set("pairs") : pair_set("none");
            case Kind::flags:
                return either("tcp flags & (fin|syn|rst|ack) == syn",
                              "tcp flags & (syn|ack) == ack");
            case Kind::source_port:
                return either("tcp sport 1024-65535", "tcp sport 1-1023");
            case Kind::protocol:
                return either("meta l4proto { tcp, udp }",
                              fmt::format("udp dport {}", strange_port()));
        }
        return {};
    }

    std::string of_iptables(Kind kind, bool holds) {
        const auto either = [&](std::string one, std::string other) {
            return (holds ? std::move(one) : std::move(other)) + ' ';
        };
        switch (kind) {
            case Kind::port:
                return chance(50) ? either("-m tcp --dport 10000:10999",
                                           fmt::format("-m multiport --dports {},{}",
                                                       strange_port(), 40000 + below(9999)))
                                  : either(fmt::format("-m tcp ! --dport {}", strange_port()),
                                           "-m tcp ! --dport 10100:10200");
            case Kind::source:
                return chance(50)
                           ? either("-s " + net_of(options_.client), "-s " + strange_address())
                           : either(fmt::format("-m iprange --src-range {0}-{0}", options_.client),
                                    "-m iprange --src-range 192.0.2.1-192.0.2.99");
            case Kind::destination:
                return either("-d " + options_.server, "! -d " + options_.server);
            case Kind::in_interface:
                return either("-i " + options_.from_client, "-i wan+");
            case Kind::out_interface:
                return either("-o " + options_.to_server, "! -o " + options_.to_server);
            case Kind::state:
                return either("-m conntrack --ctstate NEW,UNTRACKED",
                              "-m conntrack --ctstate RELATED,ESTABLISHED");
            case Kind::mark:
                return either("-m mark --mark 0x10/0xf0",
                              fmt::format("-m mark --mark {:#x}", 100 + below(50)));
            case Kind::source_set:
                return either("-m set --match-set clients src", "-m set --match-set strangers src");
            case Kind::pair_set:
                return holds ? pair_set("pairs") : pair_set("none");
            case Kind::flags:
                return either("-m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
                              "-m tcp --tcp-flags SYN,ACK ACK");
            case Kind::source_port:
                return either("-m tcp --sport 1024:65535", "-m tcp --sport 1:1023");
            case Kind::protocol:
                return holds ? "" : "-p udp ";
        }
        return {};
    }

    const GeneratorOptions& options_;
    std::mt19937_64& random_;
};

class Generator {
  public:
    explicit Generator(const GeneratorOptions& options)
        : options_(options), random_(options.seed), conditions_(options, random_) {}

    GeneratedRuleset result() {
        for (std::size_t i = 0; i < kPlaces.size(); i++) {
            chains_.push_back({.name = conditions_.is_nft() ? fmt::format("base{}", i)
                                                            : in_capitals(kPlaces.at(i).hook),
                               .place = i,
                               .is_base = true});
        }
        // From 3 to 2,000 rules, as many small ones as large ones.
        const double exponent = double(conditions_.below(1000)) / 1000;
        const auto wanted = static_cast<unsigned>(3 * std::pow(2000.0 / 3, exponent));
        for (std::size_t flow = 0; flow < kGeneratedFlows; flow++) {
            plant(flow);
        }
        while (rules_ < wanted) {
            Chain& chain = chains_[conditions_.below(chains_.size())];
            insert(chain, rule(kPlaces.at(chain.place), near_miss(kPlaces.at(chain.place)),
                               stranger_verdict()));
        }
        result_.rules = rules_;
        result_.sets = conditions_.is_nft() ? "" : ipsets();
        result_.text = conditions_.is_nft() ? nft_text() : iptables_text();
        return std::move(result_);
    }

  private:
    static std::string in_capitals(std::string text) {
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
        return text;
    }

    /// Up to three kinds that are possible there.
    std::set<Kind> some_kinds(const Place& place, std::size_t most) {
        std::set<Kind> kinds;
        for (std::size_t tries = 1 + conditions_.below(most); tries > 0; tries--) {
            const auto kind = static_cast<Kind>(conditions_.below(kKinds));
            if (Conditions::is_possible(kind, place)) {
                kinds.insert(kind);
            }
        }
        return kinds;
    }

    /// Conditions of which one does not hold for any flow.
    std::string near_miss(const Place& place) {
        std::set<Kind> kinds = some_kinds(place, 4);
        if (kinds.empty()) {
            kinds.insert(Kind::port);
        }
        const std::size_t wrong = conditions_.below(kinds.size());
        std::string text;
        std::size_t i = 0;
        bool is_udp = false;
        for (const Kind kind : kinds) {
            is_udp |= i == wrong && kind == Kind::protocol;
            i++;
        }
        i = 0;
        for (const Kind kind : kinds) {
            const bool holds = i++ != wrong;
            const bool needs_tcp = kind == Kind::port || kind == Kind::flags ||
                                   kind == Kind::source_port || kind == Kind::pair_set;
            if (!(is_udp && needs_tcp)) {
                text += conditions_.common(kind, holds);
            }
        }
        return with_protocol(text);
    }

    /// Conditions that hold for the flow; for it alone if `own`.
    std::string match(std::size_t flow, const Place& place, bool own) {
        std::set<Kind> kinds = some_kinds(place, 3);
        std::string text;
        if (own) {
            std::vector<Kind> specific{Kind::port, Kind::port, Kind::pair_set};
            if (place.is_tracked) {
                specific.push_back(Kind::mark);
            }
            const Kind kind = specific[conditions_.below(specific.size())];
            kinds.erase(kind);
            text = conditions_.own(kind, flow);
        }
        for (const Kind kind : kinds) {
            text += conditions_.common(kind, true);
        }
        return with_protocol(text);
    }

    std::string with_protocol(const std::string& text) const {
        return conditions_.is_nft() || text.contains("-p ") ? text : "-p tcp " + text;
    }

    std::string rule(const Place& /*place*/, const std::string& match, const std::string& verdict,
                     const std::string& comment = {}) {
        rules_++;
        if (!conditions_.is_nft()) {
            return match + (comment.empty() ? "" : "-m comment --comment " + comment + ' ') +
                   verdict;
        }
        const bool counts = options_.kind == RulesetKind::nft;
        return match + (counts ? "counter " : "") + verdict +
               (comment.empty() ? "" : fmt::format(" comment \"{}\"", comment));
    }

    std::string verdict(const char* nft, const char* iptables) const {
        return conditions_.is_nft() ? nft : fmt::format("-j {}", iptables);
    }
    std::string drop() { return verdict("drop", "DROP"); }
    std::string jump(const std::string& chain) const {
        return (conditions_.is_nft() ? "jump " : "-j ") + chain;
    }
    std::string stranger_verdict() {
        switch (conditions_.below(5)) {
            case 0:
                return verdict("accept", "ACCEPT");
            case 1:
                return verdict("return", "RETURN");
            default:
                return drop();
        }
    }

    void insert(Chain& chain, std::string text) {
        chain.rules.insert(
            chain.rules.begin() + std::ptrdiff_t(conditions_.below(chain.rules.size() + 1)),
            std::move(text));
    }

    /// The rule that drops the flow: in a base chain, or in one that jumps lead to; or a base chain's policy.
    void plant(std::size_t flow) {
        const std::size_t place = conditions_.below(kPlaces.size());
        if (flow + 1 == kGeneratedFlows && conditions_.chance(20)) {
            plant_policy(flow);
            return;
        }
        std::size_t at = place;
        for (std::size_t depth = conditions_.below(4); depth > 0; depth--) {
            chains_.push_back(
                {.name = fmt::format("chain{}", chains_.size()), .place = place, .is_base = false});
            insert_jump(flow, at, chains_.size() - 1);
            at = chains_.size() - 1;
        }
        if (conditions_.chance(10)) {  // may match, as far as is looked at
            insert(chains_[at],
                   rule(kPlaces.at(place), with_protocol(""),
                        conditions_.is_nft() ? "ip length 9000-9999 " + drop()
                                             : "-m length --length 9000:9999 " + drop()));
        }
        const std::string comment = fmt::format("planted{}", flow);
        insert(chains_[at],
               rule(kPlaces.at(place), match(flow, kPlaces.at(place), true), drop(), comment));
        result_.flows.push_back(
            {.port = port_of(flow), .chain = chains_[at].name, .text = comment});
    }

    void insert_jump(std::size_t flow, std::size_t from, std::size_t to) {
        const Place& place = kPlaces.at(chains_[from].place);
        const std::string& name = chains_[to].name;
        if (!conditions_.is_nft() || conditions_.chance(60)) {
            insert(chains_[from],
                   rule(place, match(flow, place, conditions_.chance(50)), jump(name)));
            return;
        }
        if (conditions_.chance(50)) {
            insert(chains_[from], rule(place, "",
                                       fmt::format("tcp dport vmap {{ 22 : accept, {} : jump {} }}",
                                                   port_of(flow), name)));
            return;
        }
        maps_.push_back(
            fmt::format(" map map{} {{ type ipv4_addr . inet_service : verdict\n"
                        "  elements = {{ {} . {} : jump {}, 192.0.2.1 . 80 : drop }}\n }}\n",
                        maps_.size(), options_.client, port_of(flow), name));
        insert(chains_[from],
               rule(place, "", fmt::format("ip saddr . tcp dport vmap @map{}", maps_.size() - 1)));
    }

    /// All others pass it, to wherever they are dropped.
    void plant_policy(std::size_t flow) {
        constexpr std::size_t kFilter = 2;
        Chain& base = chains_[kFilter];
        base.policy_drops = true;
        for (std::size_t other = 0; other < flow; other++) {
            base.rules.push_back(rule(kPlaces.at(kFilter), match(other, kPlaces.at(kFilter), true),
                                      verdict("accept", "ACCEPT")));
        }
        if (conditions_.chance(50)) {
            base.rules.push_back(rule(kPlaces.at(kFilter), match(flow, kPlaces.at(kFilter), true),
                                      verdict("return", "RETURN")));
        }
        result_.flows.push_back({.port = port_of(flow), .chain = base.name, .text = "policy drop"});
    }

    std::string nft_text() const {
        std::string pairs;
        std::string text = "table inet site {\n";
        for (std::size_t flow = 0; flow < kGeneratedFlows; flow++) {
            const std::string pair = fmt::format("{} . {}", options_.client, port_of(flow));
            pairs += (flow == 0 ? "" : ", ") + pair;
            text += fmt::format(
                " set pair{} {{ type ipv4_addr . inet_service\n  elements = {{ {}, "
                "192.0.2.9 . 80 }}\n }}\n",
                flow, pair);
        }
        text += fmt::format(
            " set pairs {{ type ipv4_addr . inet_service\n  elements = {{ {} }}\n }}\n", pairs);
        text += " set none { type ipv4_addr . inet_service\n  elements = { 192.0.2.9 . 80 }\n }\n";
        text += fmt::format(
            " set clients {{ type ipv4_addr; flags interval\n  elements = {{ {}, "
            "100.64.0.0/16 }}\n }}\n",
            options_.client);
        text +=
            " set strangers { type ipv4_addr; flags interval\n"
            "  elements = { 192.0.2.0/24, 100.65.0.1 }\n }\n";
        for (std::size_t i = chains_.size(); i-- > kPlaces.size();) {
            text += fmt::format(" chain {} {{\n }}\n", chains_[i].name);  // they name each other
        }
        for (const std::string& map : maps_) {
            text += map;
        }
        text += " chain marks {\n  type filter hook prerouting priority -160; policy accept\n";
        for (std::size_t flow = 0; flow < kGeneratedFlows; flow++) {
            text += fmt::format("  tcp dport {} meta mark set {}\n", port_of(flow),
                                Conditions::mark_of(flow));
        }
        text += " }\n";
        for (const Chain& chain : chains_) {
            text += fmt::format(" chain {} {{\n", chain.name);
            if (chain.is_base) {
                const Place& place = kPlaces.at(chain.place);
                text += fmt::format("  type filter hook {} priority {}; policy {}\n", place.hook,
                                    place.priority, chain.policy_drops ? "drop" : "accept");
            }
            text += fmt::format("  {}\n }}\n", fmt::join(chain.rules, "\n  "));
        }
        return text + "}\n";
    }

    std::string iptables_text() const {
        std::string text;
        for (const auto& [table, unused] :
             std::array{std::pair("raw", "OUTPUT"), std::pair("mangle", "INPUT OUTPUT PREROUTING"),
                        std::pair("filter", "INPUT OUTPUT")}) {
            text += fmt::format("*{}\n", table);
            std::string_view names = unused;
            for (std::size_t end = 0; !names.empty();
                 names.remove_prefix(std::min(end + 1, names.size()))) {
                end = std::min(names.find(' '), names.size());
                text += fmt::format(":{} ACCEPT [0:0]\n", names.substr(0, end));
            }
            std::string rules;
            for (const Chain& chain : chains_) {
                if (std::string_view(kPlaces.at(chain.place).table) != table) {
                    continue;
                }
                text += fmt::format(":{} {} [0:0]\n", chain.name,
                                    !chain.is_base       ? "-"
                                    : chain.policy_drops ? "DROP"
                                                         : "ACCEPT");
                for (const std::string& rule : chain.rules) {
                    rules += fmt::format("-A {} {}\n", chain.name, rule);
                }
            }
            for (std::size_t flow = 0;
                 flow < kGeneratedFlows && std::string_view(table) == "mangle"; flow++) {
                rules += fmt::format(
                    "-A PREROUTING -p tcp -m tcp --dport {} -j MARK --set-xmark {:#x}\n",
                    port_of(flow), Conditions::mark_of(flow));
            }
            text += rules + "COMMIT\n";
        }
        return text;
    }

    std::string ipsets() const {
        std::string text =
            "create clients hash:net\ncreate strangers hash:net\n"
            "create pairs hash:ip,port\ncreate none hash:ip,port\n"
            "add strangers 192.0.2.0/24\nadd none 192.0.2.9,tcp:80\n";
        text += fmt::format("add clients {}\n", options_.client);
        for (std::size_t flow = 0; flow < kGeneratedFlows; flow++) {
            text += fmt::format(
                "create pair{0} hash:ip,port\nadd pair{0} {1},tcp:{2}\nadd pairs {1},tcp:{2}\n",
                flow, options_.client, port_of(flow));
        }
        return text;
    }

    const GeneratorOptions& options_;
    std::mt19937_64 random_;
    Conditions conditions_;
    std::vector<Chain> chains_;
    std::vector<std::string> maps_;
    unsigned rules_ = 0;
    GeneratedRuleset result_;
};

}  // namespace

std::string_view name_of(RulesetKind kind) {
    switch (kind) {
        case RulesetKind::nft:
            return "nft";
        case RulesetKind::nft_without_counters:
            return "nft, no counters";
        case RulesetKind::iptables_nft:
            return "iptables-nft";
        case RulesetKind::iptables_legacy:
            return "iptables-legacy";
    }
    return "";
}

GeneratedRuleset generate_ruleset(const GeneratorOptions& options) {
    return Generator(options).result();
}

}  // namespace flowstamp::lab
