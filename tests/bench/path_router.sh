#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cost of `flowstamp path` on a router for packets that do not match: iperf3 through three network
# namespaces, in turns with and without, in reverse order every other round. The result is the median of
# the rounds' ratios, as the machine's drift exceeds the differences.
# Prints lines of tab-separated section, name, value, unit and bar.
# Usage, as root: path_router.sh PROGRAM EMPTY-STATIONS [ROUNDS [SECONDS]]
set -euo pipefail
# shellcheck source=tests/bench/iperf_rounds.sh
source "$(dirname "$0")/iperf_rounds.sh"

readonly program=$1 stations=$2 rounds=${3:-15} seconds=${4:-2}
readonly id=fsbench$$
declare -a children=()

clean_up() {
    kill "${children[@]}" 2>/dev/null || true
    for host in client router server; do ip netns del "$id-$host" 2>/dev/null || true; done
    rm -rf "$results"
}
trap clean_up EXIT

on() { ip netns exec "$id-$1" "${@:2}"; }
# In the background, without a shell around it, so that `kill` reaches it.
start() {
    ip netns exec "$id-$1" "${@:2}" &
    children+=("$!")
}

lay_out() {
    for host in client router server; do
        ip netns add "$id-$host"
        ip -n "$id-$host" link set lo up
    done
    ip link add c0 netns "$id-client" type veth peer name r0 netns "$id-router"
    ip link add s0 netns "$id-server" type veth peer name r1 netns "$id-router"
    local place
    for place in "client c0 10.1.0.2" "router r0 10.1.0.1" "router r1 10.2.0.1" "server s0 10.2.0.2"; do
        read -r host link address <<<"$place"
        ip -n "$id-$host" addr add "$address/24" dev "$link"
        ip -n "$id-$host" link set "$link" up
    done
    ip -n "$id-client" route add default via 10.1.0.1
    ip -n "$id-server" route add default via 10.2.0.1
    on router sysctl -qw net.ipv4.ip_forward=1
    # A typical router's ruleset: there are stations around each of its priorities.
    on router nft -f - <<'RULES'
table ip nat {
 chain pre { type nat hook prerouting priority dstnat; }
 chain post { type nat hook postrouting priority srcnat; }
}
table inet filter {
 chain forward {
  type filter hook forward priority filter; policy accept;
  ct state established,related accept
 }
}
RULES
    start server iperf3 -s >/dev/null 2>&1
    sleep 1
}

rate() { stream 10.2.0.2 "$seconds" on client; }

# with COMMAND...: a run while it is attached, which it announces on standard error.
with() {
    local log
    log=$(mktemp)
    start router "$@" >/dev/null 2>"$log"
    local pid=$!
    for _ in $(seq 100); do
        grep -q "^flowstamp: following " "$log" && break
        sleep 0.1
    done
    rate
    kill -TERM "$pid"
    wait "$pid" 2>/dev/null || true
    rm -f "$log"
}

measure() {
    case $1 in
        bare) rate ;;
        empty) with "$stations" r0 r1 ;;
        path) with "$program" path -i r0 -i r1 'tcp port 10174' ;;
    esac
}

# figure NAME VALUE UNIT BAR
figure() { printf '%s\t%s\t%s\t%s\t%s\n' "iperf3 through a router" "$@"; }

lay_out
rate >/dev/null  # warm-up
take_rounds "$rounds" bare empty path
figure "nothing attached" "$(median <"$results/bare")" Gbit/s ""
figure "programs that look at nothing, to it" "$(ratio empty bare)" "" ""
figure "path, nothing matches, to those programs" "$(ratio path empty)" "" ">=0.95"
figure "path, nothing matches, to nothing attached" "$(ratio path bare)" "" ""
