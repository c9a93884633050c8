#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How fast `replay` reads a capture, beside tshark's table of conversations; the least of three runs.
# Prints lines of tab-separated section, name, value, unit and bar.
# Usage: replay.sh PROGRAM WRITE-CAPTURE
set -euo pipefail

readonly program=$1 write=$2 packets=2000000 few=200000 flows=10000
readonly section="replay, $packets packets of $flows flows"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tell() { printf '%s\t%s\t%s\t%s\t%s\n' "$section" "$@"; }
# Seconds of a command, the least of three.
seconds() {
    local TIMEFORMAT=%R
    for _ in 1 2 3; do { time "$@" >/dev/null 2>&1; } 2>&1; done | sort -g | head -1
}

"$write" "$work/all.pcap" "$packets" "$flows"
"$write" "$work/few.pcap" "$few" "$flows"
ours=$(seconds "$program" replay --max-flows 65536 "$work/all.pcap")
tell "packets a second" "$(awk -v n="$packets" -v s="$ours" 'BEGIN { print n / s / 1e6 }')" "million" ">=2"
if command -v tshark >/dev/null; then
    theirs=$(seconds tshark -n -q -r "$work/few.pcap" -z conv,tcp)
    tell "tshark -z conv,tcp, a tenth of them" \
        "$(awk -v n="$few" -v s="$theirs" 'BEGIN { print n / s / 1e6 }')" "million" ""
    tell "replay to tshark" "$(awk -v n="$packets" -v f="$few" -v a="$ours" -v b="$theirs" \
        'BEGIN { print (n / a) / (f / b) }')" "x" ">=10"
fi
