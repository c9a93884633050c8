// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Recorded output of real tools for small rulesets: nft 1.0.6 and iptables 1.8.9, kernel 6.18.
#pragma once

#include <string_view>

namespace flowstamp::recorded {

/// nft -j list ruleset
inline constexpr std::string_view kNftJson = R"json(
{"nftables": [
{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5",
 "json_schema_version": 1}},
{"table": {"family": "inet", "name": "filter", "handle": 1}},
{"counter": {"family": "inet", "name": "refused", "table": "filter", "handle": 4,
 "packets": 0, "bytes": 0}},
{"map": {"family": "inet", "name": "verdicts", "table": "filter", "type": "inet_service",
 "handle": 5, "map": "verdict", "elem": [[22, {"accept": null}], [23, {"drop": null}], [24,
 {"jump": {"target": "other"}}]]}},
{"map": {"family": "inet", "name": "nothing", "table": "filter", "type": "inet_service",
 "handle": 6, "map": "verdict"}},
{"chain": {"family": "inet", "table": "filter", "name": "other", "handle": 1}},
{"chain": {"family": "inet", "table": "filter", "name": "third", "handle": 2}},
{"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 3,
 "type": "filter", "hook": "input", "prio": -5, "policy": "drop"}},
{"rule": {"family": "inet", "table": "filter", "chain": "other", "handle": 7,
 "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
 "right": "192.0.2.7"}}, {"goto": {"target": "third"}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "other", "handle": 8,
 "expr": [{"return": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "third", "handle": 9,
 "expr": [{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}},
 {"counter": {"packets": 0, "bytes": 0}}, {"reject": {"type": "tcp reset"}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 10,
 "comment": "not # handle 9", "expr": [{"match": {"op": "==",
 "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 10174}},
 {"counter": {"packets": 0, "bytes": 0}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 11,
 "expr": [{"counter": {"packets": 0, "bytes": 0}}, {"match": {"op": "==",
 "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 5}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 12,
 "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
 "right": 8}}, {"counter": "refused"}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 13,
 "expr": [{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}},
 "data": "@verdicts"}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 14,
 "expr": [{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}},
 "data": "@nothing"}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 16,
 "expr": [{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["invalid",
 {"drop": null}], ["established", {"accept": null}]]}}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 17,
 "expr": [{"limit": {"rate": 5, "burst": 5, "per": "second", "inv": true}},
 {"counter": {"packets": 7, "bytes": 70}}, {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 18,
 "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
 "right": 9}}, {"log": {"prefix": "x"}}, {"counter": {"packets": 0, "bytes": 0}},
 {"drop": null}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 19,
 "expr": [{"jump": {"target": "other"}}]}},
{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 20,
 "expr": [{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}]}},
{"table": {"family": "netdev", "name": "guard", "handle": 2}},
{"chain": {"family": "netdev", "table": "guard", "name": "in", "handle": 1, "type": "filter",
 "hook": "ingress", "prio": -500, "policy": "accept"}},
{"rule": {"family": "netdev", "table": "guard", "chain": "in", "handle": 2,
 "expr": [{"counter": {"packets": 0, "bytes": 0}}, {"drop": null}]}},
{"table": {"family": "ip", "name": "nat", "handle": 3}},
{"chain": {"family": "ip", "table": "nat", "name": "post", "handle": 1, "type": "nat",
 "hook": "postrouting", "prio": 100, "policy": "accept"}},
{"rule": {"family": "ip", "table": "nat", "chain": "post", "handle": 2,
 "expr": [{"masquerade": null}]}},
{"table": {"family": "inet", "name": "asleep", "handle": 4, "flags": "asleep"}},
{"chain": {"family": "inet", "table": "asleep", "name": "inn", "handle": 1, "type": "filter",
 "hook": "input", "prio": 0, "policy": "accept"}},
{"rule": {"family": "inet", "table": "asleep", "chain": "inn", "handle": 2,
 "expr": [{"drop": null}]}}
]}
)json";

/// nft -a -s -t list ruleset, of the same
inline constexpr std::string_view kNftText = R"text(table inet filter { # handle 1
	counter refused { # handle 4
	}

	map verdicts { # handle 5
		type inet_service : verdict
	}

	map nothing { # handle 6
		type inet_service : verdict
	}

	chain other { # handle 1
		ip saddr 192.0.2.7 goto third # handle 7
		return # handle 8
	}

	chain third { # handle 2
		meta l4proto tcp counter reject with tcp reset # handle 9
	}

	chain input { # handle 3
		type filter hook input priority filter - 5; policy drop;
		tcp dport 10174 counter drop comment "not # handle 9" # handle 10
		counter tcp dport 5 drop # handle 11
		tcp dport 8 counter name "refused" drop # handle 12
		tcp dport vmap @verdicts # handle 13
		tcp dport vmap @nothing # handle 14
		ct state vmap { invalid : drop, established : accept } # handle 16
		limit rate over 5/second counter drop # handle 17
		tcp dport 9 log prefix "x" counter drop # handle 18
		jump other # handle 19
		meta mark set 0x00000005 # handle 20
	}
}
table netdev guard { # handle 2
	chain in { # handle 1
		type filter hook ingress device "lo" priority -500; policy accept;
		counter drop # handle 2
	}
}
table ip nat { # handle 3
	chain post { # handle 1
		type nat hook postrouting priority srcnat; policy accept;
		masquerade # handle 2
	}
}
table inet asleep { # handle 4
	flags dormant

	chain inn { # handle 1
		type filter hook input priority filter; policy accept;
		drop # handle 2
	}
}
)text";

/// iptables-legacy-save -c
inline constexpr std::string_view kLegacySave = R"text(# Generated by iptables-save v1.8.9
*mangle
:PREROUTING ACCEPT [6:258]
:INPUT ACCEPT [6:258]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [6:258]
:POSTROUTING ACCEPT [6:258]
[0:0] -A PREROUTING -p tcp -j MARK --set-xmark 0x3/0xffffffff
COMMIT
# Completed
# Generated by iptables-save v1.8.9
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[0:0] -A PREROUTING -j ACCEPT
COMMIT
# Completed
# Generated by iptables-save v1.8.9
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [6:258]
:x - [0:0]
[0:0] -A INPUT -p tcp -m tcp --dport 22 -j DROP
[6:258] -A INPUT -g x
[6:258] -A x -m comment --comment "say \"-j DROP\" twice" -j REJECT --reject-with icmp-port-unreachable
[0:0] -A x -m comment --comment all -j RETURN
COMMIT
# Completed
)text";

}  // namespace flowstamp::recorded
