#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `watch` as a user types it, without a choice of hook, costs a host where XDP would cost it its large
# segments: iperf3 into a veth, and into a bridge whose port is a veth, to nothing attached. XDP beside it
# shows what is spared. In turns, in reverse order every other round; the result is the median of the rounds'
# ratios.
# Prints lines of tab-separated section, name, value, unit and bar.
# Usage, as root: harm.sh PROGRAM [ROUNDS [SECONDS]]
set -euo pipefail
# shellcheck source=tests/bench/iperf_rounds.sh
source "$(dirname "$0")/iperf_rounds.sh"

readonly program=$1 rounds=${2:-7} seconds=${3:-2}
readonly id=fsharm$$
server=

clean_up() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    for host in outside inside; do ip netns del "$id-$host" 2>/dev/null || true; done
    rm -rf "$results"
}
trap clean_up EXIT

on() { ip netns exec "$id-$1" "${@:2}"; }

# Two networks: a veth pair (10.1.0.0/24), and another one behind a bridge (10.2.0.0/24).
lay_out() {
    for host in outside inside; do ip netns add "$id-$host"; done
    ip link add out netns "$id-outside" type veth peer name in netns "$id-inside"
    ip link add out2 netns "$id-outside" type veth peer name port netns "$id-inside"
    ip -n "$id-inside" link add name br0 type bridge
    ip -n "$id-inside" link set port master br0
    ip -n "$id-outside" addr add 10.1.0.2/24 dev out
    ip -n "$id-outside" addr add 10.2.0.2/24 dev out2
    ip -n "$id-inside" addr add 10.1.0.1/24 dev in
    ip -n "$id-inside" addr add 10.2.0.1/24 dev br0
    for link in out out2; do ip -n "$id-outside" link set "$link" up; done
    for link in in port br0; do ip -n "$id-inside" link set "$link" up; done
    ip netns exec "$id-inside" iperf3 -s >/dev/null 2>&1 &
    server=$!
    sleep 1
}

# with INTERFACE ADDRESS [OPTION...]: the rate while a watch of the interface is attached
with() {
    ip netns exec "$id-inside" "$program" watch -i "$1" "${@:3}" >/dev/null 2>"$results/log" &
    local pid=$!
    for _ in $(seq 100); do
        grep -q '^flowstamp: watching ' "$results/log" && break
        sleep 0.1
    done
    stream "$2" "$seconds" on outside
    kill -TERM "$pid"
    wait "$pid" 2>/dev/null || true
}

measure() {
    case $1 in
        veth) stream 10.1.0.1 "$seconds" on outside ;;
        veth-watch) with in 10.1.0.1 ;;
        veth-xdp) with in 10.1.0.1 --hook xdp ;;
        bridge) stream 10.2.0.1 "$seconds" on outside ;;
        bridge-watch) with br0 10.2.0.1 ;;
    esac
}

figure() { printf '%s\t%s\t%s\t%s\t%s\n' "iperf3 beside watch as it is typed" "$@"; }

lay_out
measure veth >/dev/null # warm-up
take_rounds "$rounds" veth veth-watch veth-xdp bridge bridge-watch
figure "into a veth, nothing attached" "$(median <"$results/veth")" Gbit/s ""
figure "watch, to it" "$(ratio veth-watch veth)" "" ">=0.95"
figure "watch --hook xdp, to it" "$(ratio veth-xdp veth)" "" ""
figure "into a bridge, nothing attached" "$(median <"$results/bridge")" Gbit/s ""
figure "watch of the bridge, to it" "$(ratio bridge-watch bridge)" "" ">=0.95"
