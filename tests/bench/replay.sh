#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Speed of `replay` on a capture compared with tshark's table of conversations, in turns; medians of the
# rounds.
# Prints lines of tab-separated section, name, value, unit and bar.
# Usage: replay.sh PROGRAM WRITE-CAPTURE
set -euo pipefail

readonly program=$1 write=$2 packets=2000000 few=200000 flows=10000 rounds=7
readonly section="replay, $packets packets of $flows flows"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

figure() { printf '%s\t%s\t%s\t%s\t%s\n' "$section" "$@"; }
seconds() {
    local TIMEFORMAT=%R
    { time "$@" >/dev/null 2>&1; } 2>&1
}
median() { sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
millions() { awk -v n="$1" '{ print n / $1 / 1e6 }' "$2" | median; }

"$write" "$work/all.pcap" "$packets" "$flows"
"$write" "$work/few.pcap" "$few" "$flows"
for _ in $(seq "$rounds"); do
    seconds "$program" replay --max-flows 65536 "$work/all.pcap" >>"$work/ours"
    ! command -v tshark >/dev/null ||
        seconds tshark -n -q -r "$work/few.pcap" -z conv,tcp >>"$work/theirs"
done
figure "packets a second" "$(millions "$packets" "$work/ours")" "million" ">=2"
if [ -s "$work/theirs" ]; then
    figure "tshark -z conv,tcp, a tenth of them" "$(millions "$few" "$work/theirs")" "million" ""
    figure "replay to tshark" "$(paste "$work/ours" "$work/theirs" | awk -v n="$packets" -v f="$few" \
        '{ print (n / $1) / (f / $2) }' | median)" "x" ">=10"
fi
