#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `flowstamp path` and `watch --path` cost a router whose packets they are not asked about:
# iperf3 through three network namespaces, with and without, in turns; medians and their ratio.
# Usage, as root: path_router.sh PROGRAM [ROUNDS [SECONDS]]
set -euo pipefail

readonly program=$1 rounds=${2:-7} seconds=${3:-3}
readonly id=fsbench$$
declare -a children=()

clean_up() {
    kill "${children[@]}" 2>/dev/null || true
    for host in client router server; do ip netns del "$id-$host" 2>/dev/null || true; done
}
trap clean_up EXIT

on() { ip netns exec "$id-$1" "${@:2}"; }
# In the background: a process of its own, not a shell around it, for `kill`.
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
    # A ruleset as routers have one: stations stand around each of its priorities.
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

# Gbit/s of one run.
rate() {
    on client iperf3 -J -t "$seconds" -c 10.2.0.2 |
        awk '/"sum_received"/ { inside = 1 } inside && /bits_per_second/ { gsub(/[^0-9.e+]/, "", $2); print $2 / 1e9; exit }'
}

# with WORDS...: a run while `flowstamp WORDS` is attached.
with() {
    local log
    log=$(mktemp)
    start router "$program" "$@" >/dev/null 2>"$log"
    local pid=$!
    for _ in $(seq 100); do
        grep -qE "^flowstamp: (following|watching) " "$log" && break
        sleep 0.1
    done
    rate
    kill -TERM "$pid"
    wait "$pid" 2>/dev/null || true
    rm -f "$log"
}

median() { sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

lay_out
rate >/dev/null  # warm
declare -a without=() path=() watch=() watch_path=()
for round in $(seq "$rounds"); do
    printf 'round %s of %s\r' "$round" "$rounds" >&2
    without+=("$(rate)")
    path+=("$(with path -i r0 -i r1 'tcp port 10174')")
    watch+=("$(with watch -i r0 -i r1 'tcp port 10174')")
    watch_path+=("$(with watch --path -i r0 -i r1 'tcp port 10174')")
done
base=$(printf '%s\n' "${without[@]}" | median)
printf '%-34s %8s %8s\n' "iperf3 through a router" "Gbit/s" "ratio"
tell() {
    local value
    value=$(printf '%s\n' "${@:2}" | median)
    awk -v name="$1" -v value="$value" -v base="$base" \
        'BEGIN { printf "%-34s %8.2f %8.3f\n", name, value, value / base }'
}
tell "nothing attached" "${without[@]}"
tell "path, nothing matches" "${path[@]}"
tell "watch" "${watch[@]}"
tell "watch --path, nothing matches" "${watch_path[@]}"
