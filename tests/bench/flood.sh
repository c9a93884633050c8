#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sends ten million spoofed SYNs to a watch whose table is half full of established flows: measures how
# many of these keep their slots, whether resets forged on them are still detected, and the resources
# used meanwhile. Prints lines of tab-separated section, name, value, unit and bar.
# Usage, as root: flood.sh PROGRAM SEND [SYNS]
set -euo pipefail
# shellcheck source=tests/bench/veth_pair.sh
source "$(dirname "$0")/veth_pair.sh" flooded

readonly program=$1 send=$2 syns=${3:-10000000}
readonly flows=32768 first_spoofed=16000000 earlier=1000000
readonly section="A flood of $syns SYNs into a table half full of established flows"

flood() { outside "$send" out "$@"; }

start_watch "$program"
for kind in syn syn-ack ack data; do flood "$kind" "$flows" "$flows" >/dev/null; done
sleep 12 # recent flows are not evicted anyway
before=$(established "$program")
flood syn "$earlier" "$earlier" $((first_spoofed + syns)) >/dev/null # fills the tables of earlier SYNs
sleep 2
resident_before=$(status_kib VmRSS)
spent_before=$(spent)
flood syn "$syns" "$syns" "$first_spoofed" >"$work/seconds" &
flooding=$!
sleep 3
flood data 16 16 >/dev/null # after a long idle period distance alone does not confirm a reset
flood reset 16 16 >/dev/null
wait "$flooding"
seconds=$(cat "$work/seconds")
cpu=$(spent)
resident=$(status_kib VmRSS)
after=$(established "$program")
sleep 2
stop
judged=$(grep -c '"event_type":"reset".*"verdict":"\(suspected\|confirmed\)"' "$work/events" || true)

figure "established flows before" "$before" "" ""
figure "SYNs offered" "$(calc "$syns / $seconds / 1e6")" Mpps ""
figure "that keep their slots" "$(calc "100 * $after / $before")" \
    "%" ">=99.9"
figure "resets forged on 16 of them meanwhile, detected" "$judged" "" ">=16"
figure "resident memory before" "$((resident_before / 1024))" MiB ""
figure "growth of resident memory" "$(((resident - resident_before) / 1024))" MiB "<=1"
figure "of a core, the watch" \
    "$(calc "100 * ($cpu - $spent_before) / $seconds")" \
    "%" "<=100"
