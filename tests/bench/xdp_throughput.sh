#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cost of `watch` for a TCP stream, relative to an XDP program that passes everything on the same
# interface (a veth without an XDP program has larger segments and cannot be compared): iperf3 between two
# network namespaces, in turns, in reverse order every other round. The result is the median of the
# rounds' ratios, as the machine's drift exceeds the differences.
# Prints lines of tab-separated section, name, value, unit and bar.
# Usage, as root: xdp_throughput.sh PROGRAM XDP-OBJECT [ROUNDS [SECONDS]]
set -euo pipefail
# shellcheck source=tests/bench/iperf_rounds.sh
source "$(dirname "$0")/iperf_rounds.sh"

readonly program=$1 object=$2 rounds=${3:-7} seconds=${4:-2}
readonly id=fsxdp$$
declare -a children=()

clean_up() {
    kill "${children[@]}" 2>/dev/null || true
    for host in outside inside; do ip netns del "$id-$host" 2>/dev/null || true; done
    rm -rf "$results"
}
trap clean_up EXIT

on() { ip netns exec "$id-$1" "${@:2}"; }
# In the background, without a shell around it, so that `kill` reaches it.
start() {
    ip netns exec "$id-inside" "$@" &
    children+=("$!")
}

lay_out() {
    for host in outside inside; do ip netns add "$id-$host"; done
    ip link add out netns "$id-outside" type veth peer name in netns "$id-inside"
    ip -n "$id-outside" addr add 10.1.0.2/24 dev out
    ip -n "$id-inside" addr add 10.1.0.1/24 dev in
    ip -n "$id-outside" link set out up
    ip -n "$id-inside" link set in up
    start iperf3 -s >/dev/null 2>&1
    sleep 1
}

rate() { stream 10.1.0.1 "$seconds" on outside; }

# with OPTION...: a run while a watch with these options is attached.
with() {
    start "$program" watch -i in "$@" >/dev/null 2>"$results/log"
    local pid=$!
    for _ in $(seq 100); do
        grep -q '^flowstamp: watching in (xdp ingress' "$results/log" && break
        sleep 0.1
    done
    rate
    kill -TERM "$pid"
    wait "$pid" 2>/dev/null || true
}

measure() {
    case $1 in
        empty)
            ip -n "$id-inside" link set dev in xdpdrv obj "$object" sec xdp
            rate
            ip -n "$id-inside" link set dev in xdpdrv off
            ;;
        watch) with --hook xdp ;;
        acting) with --hook xdp --drop confirmed --challenge all ;;
    esac
}

figure() { printf '%s\t%s\t%s\t%s\t%s\n' "iperf3 into a veth with XDP" "$@"; }

lay_out
measure empty >/dev/null # warm-up
take_rounds "$rounds" empty watch acting
figure "a program that passes everything" "$(median <"$results/empty")" Gbit/s ""
figure "watch, to it" "$(ratio watch empty)" "" ""
figure "watch --drop confirmed --challenge all, to it" "$(ratio acting empty)" "" ""
