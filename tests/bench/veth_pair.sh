# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced: two network namespaces joined by a veth pair. Packets sent from `outside` arrive at the
# interface $1 of `inside`, where a program runs in the background: `pid`. `work` is a directory, under
# $2 if given. Everything is removed when the script ends.
set -euo pipefail

readonly interface=$1 id=fsbench$$
work=$(mktemp -d -p "${2:-/tmp}" flowstamp-bench.XXXXXX)
readonly work
pid=
section=unnamed

clean_up() {
    [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true
    for host in outside inside; do ip netns del "$id-$host" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT

outside() { ip netns exec "$id-outside" "$@"; }
inside() { ip netns exec "$id-inside" "$@"; }

for host in outside inside; do ip netns add "$id-$host"; done
ip link add out netns "$id-outside" type veth peer name "$interface" netns "$id-inside"
ip -n "$id-outside" link set out up
ip -n "$id-inside" link set "$interface" up

# start PATTERN COMMAND...: starts it in the background, and waits for such a line in its log
start() {
    ip netns exec "$id-inside" "${@:2}" >/dev/null 2>"$work/log" &
    pid=$!
    for _ in $(seq 100); do
        ! grep -q "$1" "$work/log" || break
        sleep 0.1
    done
}

# start_watch PROGRAM [OPTION...]: a watch of the interface at XDP, as on a network card, with these
# options
start_watch() {
    start '^flowstamp: watching ' "$1" watch -i "$interface" --hook xdp --json -o "$work/events" "${@:2}"
}

stop() {
    kill -INT "$pid"
    wait "$pid" 2>/dev/null || true
    pid=
}

# Established flows of this watch only: others may be running. Usage: established PROGRAM
established() {
    inside "$1" flows --json | grep "\"in_iface\":\"$interface\"" |
        grep -c '"state":"established"' || true
}

# CPU seconds of the program so far; without one, of this script.
spent() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/${pid:-$$}/stat"; }
# A line of /proc/PID/status, in KiB: VmRSS, RssAnon.
status_kib() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$pid/status"; }
calc() { awk "BEGIN { print $1 }"; }
# figure NAME VALUE UNIT BAR
figure() { printf '%s\t%s\t%s\t%s\t%s\n' "$section" "$@"; }
