#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Live frames over a veth pair while `watch --stamps` writes each stamp, and the same load while tcpdump
# captures their headers (with as large a ring, so that it loses as little), while `watch` only observes,
# and with nothing attached: measures losses and the share of a core that the program uses until it has
# written everything. The configurations run in turns, in reverse order every other round; results are the
# medians of the rounds, and the maximum for losses. veth delivers on the sender's core, so an attached
# program slows down the sender.
# Prints lines of tab-separated section, name, value, unit and bar.
# Usage, as root: live_frames.sh PROGRAM SEND [FRAMES [ROUNDS]]
set -euo pipefail
# In memory, so that no disk is measured; some 400 MB per round.
# shellcheck source=tests/bench/veth_pair.sh
source "$(dirname "$0")/veth_pair.sh" in /dev/shm

readonly program=$1 send=$2 frames=${3:-5000000} rounds=${4:-3} flows=1000
readonly section="$frames live frames of $flows flows"

offer() { outside "$send" out "$@"; }
received() { inside cat /sys/class/net/in/statistics/rx_packets; }
note() { echo "$2" >>"$work/$1"; }
# A number from the log or the last event.
closing() { sed -n "s/^\([0-9]*\) packets $1.*/\1/p" "$work/log"; }
last_stats() { grep '"event_type":"stats"' "$work/events" | tail -1 | sed "s/.*\"stamps\":{[^}]*\"$1\":\([0-9]*\).*/\1/"; }

run() {
    case $1 in
        observe) start_watch "$program" ;;
        watch) start_watch "$program" --stamps "$work/stamps.pcapng" ;;
        tcpdump) start 'listening on ' tcpdump -Z root -i in -s 96 -B 32768 -w "$work/tcpdump.pcap" ;;
    esac
    for kind in syn syn-ack ack; do offer "$kind" "$flows" "$flows" >/dev/null; done
    sleep 0.5
    local before spent_before seconds
    before=$(received)
    spent_before=$(spent)
    seconds=$(offer data "$frames" "$flows")
    note "$1.through" "$(calc "100 * ($(received) - $before) / $frames")"
    note "$1.rate" "$(calc "$frames / $seconds / 1e6")"
    sleep 1 # lets it write what it has read
    local cpu
    cpu=$(calc "$(spent) - $spent_before")
    note "$1.cpu" "$(calc "100 * $cpu / $seconds")"
    [ -n "$pid" ] || return 0
    stop
    local written=$frames
    [ "$1" != tcpdump ] || written=$(($(closing captured) - 3 * flows))
    note "$1.each" "$(calc "1e9 * $cpu / $written")"
    local all=$((frames + 3 * flows))
    case $1 in
        watch) note watch.taken "$(calc "100 * $(last_stats written) / $all")"
            note watch.lost "$(last_stats lost)" ;;
        tcpdump) note tcpdump.taken "$(calc "100 * $(closing captured) / $all")"
            note tcpdump.lost "$(closing 'dropped by kernel')" ;;
    esac
    rm -f "$work"/*.pcap*
}

median() { sort -g "$work/$1" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
most() { sort -g "$work/$1" | tail -1; }

inside ethtool -K in gro on # otherwise veth accepts no such frames without an XDP program
for round in $(seq "$rounds"); do
    arms=(nothing observe watch tcpdump)
    [ $((round % 2)) -eq 1 ] || arms=(tcpdump watch observe nothing)
    for arm in "${arms[@]}"; do run "$arm"; done
    note ratio "$(calc "$(tail -1 "$work/watch.each") / $(tail -1 "$work/tcpdump.each")")"
done
figure "offered, nothing attached" "$(median nothing.rate)" Mpps ""
figure "of them arrive" "$(median nothing.through)" "%" ""
figure "offered, watch" "$(median observe.rate)" Mpps ""
figure "of them arrive, watch" "$(median observe.through)" "%" ""
figure "of a core, watch" "$(median observe.cpu)" "%" ""
figure "offered, watch --stamps" "$(median watch.rate)" Mpps ""
figure "of them arrive, watch --stamps" "$(median watch.through)" "%" ""
figure "of all packets, stamps written" "$(median watch.taken)" "%" ""
figure "stamps lost" "$(most watch.lost)" "" "<=0"
figure "of a core, watch --stamps" "$(median watch.cpu)" "%" "<=30"
figure "that is of its CPU time a stamp" "$(median watch.each)" ns ""
figure "offered, tcpdump -w" "$(median tcpdump.rate)" Mpps ""
figure "of all packets, captured by tcpdump" "$(median tcpdump.taken)" "%" ""
figure "dropped by the kernel, tcpdump" "$(most tcpdump.lost)" "" ""
figure "of a core, tcpdump -w" "$(median tcpdump.cpu)" "%" ""
figure "that is of its CPU time a packet" "$(median tcpdump.each)" ns ""
figure "stamps: CPU a stamp to tcpdump's a packet" "$(median ratio)" "" "<=0.8"
