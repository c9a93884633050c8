#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How long `flows` takes for its screen of a million flows. Prints lines of tab-separated section, name,
# value, unit and bar; the least of nine runs each, interleaved.
# Usage, as root: flows_screen.sh PROGRAM SEND [FLOWS]
set -euo pipefail
# shellcheck source=tests/bench/veth_pair.sh
source "$(dirname "$0")/veth_pair.sh" listed

readonly program=$1 send=$2 flows=${3:-1000000}
readonly section="flows, of $flows flows"
declare -A least=()

# timed NAME COMMAND...: keeps the least milliseconds under this name
timed() {
    local before after took
    before=$(date +%s%N)
    "${@:2}" >"$work/screen" 2>"$work/messages"
    after=$(date +%s%N)
    took=$(calc "($after - $before) / 1e6")
    least[$1]=$(calc "${least[$1]:-1e9} < $took ? ${least[$1]:-1e9} : $took")
}

start_watch "$program" --max-flows "$flows"
for kind in syn syn-ack ack; do outside "$send" out "$kind" "$flows" "$flows" >/dev/null; done
sleep 2 # the burst's events are read
list() { nsenter --net="/run/netns/$id-inside" "$program" flows --pid "$pid" "$@"; }
for _ in $(seq 9); do
    timed help nsenter --net="/run/netns/$id-inside" "$program" flows --help
    timed bytes list
    timed rtt list --sort rtt
    timed resets list --sort resets
    timed filter list 'port 443'
    timed wide list --wide
done
figure "flows listed" "$(sed -n 's/.*50 of \([0-9,]*\) flows.*/\1/p' "$work/messages" | tr -d ,)" "" ""
figure "to start and end a process" "${least[help]}" ms ""
figure "the first screen" "${least[bytes]}" ms "<=100"
figure "by round trip" "${least[rtt]}" ms "<=100"
figure "by resets" "${least[resets]}" ms "<=100"
figure "with a filter that all match" "${least[filter]}" ms ""
figure "wide lines" "${least[wide]}" ms "<=100"
stop
