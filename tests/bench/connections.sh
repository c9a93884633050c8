#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A million connections that open at 50,000 a second, and as many that are reset as well: what a watch
# loses of their events, and the CPU time that it takes. Prints lines of tab-separated section, name,
# value, unit and bar.
# Usage, as root: connections.sh PROGRAM SEND [CONNECTIONS [A_SECOND]]
set -euo pipefail
# shellcheck source=tests/bench/veth_pair.sh
source "$(dirname "$0")/veth_pair.sh" opened

readonly program=$1 send=$2 connections=${3:-1000000} rate=${4:-50000}

# total FIELD: of the last statistics
total() {
    grep '"event_type":"stats"' "$work/events" | tail -1 | grep -o "\"$1\":[0-9]*" | head -1 | cut -d: -f2
}

# measure KIND NAME
measure() {
    local seconds before cpu private
    section="$connections connections, $rate a second, that $2"
    start_watch "$program" --max-flows $((2 * connections))
    chrt --fifo --all-tasks --pid 1 "$pid" # what else runs on this machine is not the point
    before=$(spent)
    seconds=$(outside chrt --fifo 1 "$send" out "$1" "$connections" "$rate")
    cpu=$(spent)
    private=$(status_kib RssAnon)
    sleep 1
    stop
    figure "opened" "$(calc "int($connections / $seconds)")" /s ""
    figure "events lost" "$(grep '"event_type":"stats"' "$work/events" | tail -1 |
        sed 's/.*"lost":{"events":\([0-9]*\).*/\1/')" "" "<=0"
    figure "openings left out, outside of the sample" "$(total openings_unsampled || echo 0)" "" "<=0"
    figure "resets judged" "$(total seen)" "" ""
    figure "of a core, the watch" "$(calc "100 * ($cpu - $before) / $seconds")" "%" "<=100"
    figure "private memory" "$((private / 1024))" MiB ""
}

measure open "open"
measure abort "open and are reset"
