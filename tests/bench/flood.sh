#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ten million spoofed SYNs through the live path of a watch whose table is half full of established
# flows: how many of these keep their slots, whether a reset forged on them is still judged, and what
# the watch takes meanwhile. Prints lines of tab-separated section, name, value, unit and bar.
# Usage, as root: flood.sh PROGRAM SEND [SYNS]
set -euo pipefail

readonly program=$1 send=$2 syns=${3:-10000000}
readonly id=fsflood$$ flows=32768 first_spoofed=16000000 earlier=1000000
readonly section="A flood of $syns SYNs into a table half full of established flows"
work=$(mktemp -d)
watch=

clean_up() {
    [ -z "$watch" ] || kill -TERM "$watch" 2>/dev/null || true
    for host in outside inside; do ip netns del "$id-$host" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT

inside() { ip netns exec "$id-inside" "$@"; }
flood() { ip netns exec "$id-outside" "$send" out "$@"; }
# Of this watch alone: others may run beside it.
established() {
    inside "$program" flows --json | grep '"in_iface":"flooded"' | grep -c '"state":"established"' || true
}
resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$watch/status"; }
# CPU seconds of the watch so far.
spent() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$watch/stat"; }
tell() { printf '%s\t%s\t%s\t%s\t%s\n' "$section" "$@"; }

for host in outside inside; do ip netns add "$id-$host"; done
ip link add out netns "$id-outside" type veth peer name flooded netns "$id-inside"
ip -n "$id-outside" link set out up
ip -n "$id-inside" link set flooded up
ip netns exec "$id-inside" "$program" watch -i flooded --json -o "$work/events" >/dev/null 2>"$work/log" &
watch=$!
for _ in $(seq 100); do
    grep -q '^flowstamp: watching ' "$work/log" && break
    sleep 0.1
done

for kind in syn syn-ack ack data; do flood "$kind" "$flows" "$flows" >/dev/null; done
sleep 12 # a flow that was heard of just now is safe anyway
before=$(established)
flood syn "$earlier" "$earlier" $((first_spoofed + syns)) >/dev/null # what remembers some, is full then
sleep 2
resident_before=$(resident_kib)
spent_before=$(spent)
flood syn "$syns" "$syns" "$first_spoofed" >"$work/seconds" &
flooding=$!
sleep 3
flood data 16 16 >/dev/null # of a sender that has long been silent, distance alone convicts no reset
flood reset 16 16 >/dev/null
wait "$flooding"
seconds=$(cat "$work/seconds")
cpu=$(spent)
resident=$(resident_kib)
after=$(established)
sleep 2
kill -INT "$watch"
wait "$watch" 2>/dev/null || true
watch=
judged=$(grep -c '"event_type":"reset".*"verdict":"\(suspected\|confirmed\)"' "$work/events" || true)

tell "established flows before it" "$before" "" ""
tell "SYNs offered" "$(awk -v n="$syns" -v s="$seconds" 'BEGIN { print n / s / 1e6 }')" Mpps ""
tell "of them keep their slots" "$(awk -v a="$after" -v b="$before" 'BEGIN { print 100 * a / b }')" \
    "%" ">=99.9"
tell "resets forged on 16 of them amid it, told as such" "$judged" "" ">=16"
tell "resident memory before it" "$((resident_before / 1024))" MiB ""
tell "resident memory grows by" "$(((resident - resident_before) / 1024))" MiB "<=1"
tell "of a core, the watch" \
    "$(awk -v a="$spent_before" -v b="$cpu" -v s="$seconds" 'BEGIN { print 100 * (b - a) / s }')" \
    "%" "<=100"
