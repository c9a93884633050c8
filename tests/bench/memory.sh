#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resident memory of a watch with as many established flows as its table holds: the mapped table itself,
# and everything else.
# Prints lines of tab-separated section, name, value, unit and bar.
# Usage, as root: memory.sh PROGRAM SEND, of which SEND is flowstamp_bench_connections
set -euo pipefail
# shellcheck source=tests/bench/veth_pair.sh
source "$(dirname "$0")/veth_pair.sh" filled

readonly program=$1 send=$2 rate=50000 # connections that open a second

mib() { awk -v kib="$1" 'BEGIN { printf "%.1f\n", kib / 1024 }'; }
# Resident KiB of the BPF maps mapped by the program: the largest, which is the table, and the others.
maps_kib() {
    awk '/^[0-9a-f]+-[0-9a-f]+ / { is_map = $6 == "anon_inode:bpf-map" }
         is_map && $1 == "Rss:" { sum += $2; if ($2 > most) most = $2 }
         END { print most, sum - most }' "/proc/$pid/smaps"
}

# measure FLOWS [OPTION...]: a watch with these options
measure() {
    local flows=$1 section="Resident memory of a watch, $1 flows" held table rings
    start_watch "$program" "${@:2}"
    local private_before
    private_before=$(status_kib RssAnon)
    chrt --fifo --all-tasks --pid 1 "$pid" # what else runs on this machine is not the point
    outside chrt --fifo 1 "$send" out open "$flows" "$rate" >/dev/null
    sleep 22 # the whole table has been scanned, and what the burst needed given back
    held=$(established "$program")
    read -r table rings < <(maps_kib)
    local all private
    all=$(status_kib VmRSS)
    private=$(status_kib RssAnon)
    stop
    figure "established flows held" "$held" "" ""
    figure "of as many as the table is made for" "$(calc "100 * $held / $flows")" % ">=98"
    figure "resident" "$(mib "$all")" MiB ""
    figure "of it the mapped table" "$(mib "$table")" MiB ""
    figure "beyond the mapped table" "$(mib $((all - table)))" MiB "<=8"
    figure "of that the ring of events, mapped twice" "$(mib "$rings")" MiB ""
    figure "pages of the program's file and of libraries" "$(mib $((all - table - rings - private)))" MiB ""
    figure "private" "$(mib "$private")" MiB ""
    figure "private before the first flow" "$(mib "$private_before")" MiB ""
    figure "private, a flow held" "$(calc "1024 * ($private - $private_before) / $held")" bytes "<=48"
    figure "events lost" "$(grep '"event_type":"stats"' "$work/events" |
        tail -1 | sed 's/.*"lost":{"events":\([0-9]*\).*/\1/')" "" ""
    figure "openings left out, outside of the sample" "$(grep '"event_type":"stats"' "$work/events" |
        tail -1 | sed 's/.*"openings_unsampled":\([0-9]*\).*/\1/')" "" ""
}

measure 65536
measure 1000000 --max-flows 1000000
