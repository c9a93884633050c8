#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
# Replays every capture below a folder and writes what was reported as a table, a line a finding:
# file, frame, kind, verdict, outcome, sentence. Made for reading by eye, with the capture open.
#
#     sweep.sh PROGRAM DIR TABLE [FORMER]
#
# FORMER is the table of an earlier sweep: the lines that are new (>) or gone (<) are shown.
set -euo pipefail

[ $# -ge 3 ] || { echo "usage: sweep.sh PROGRAM DIR TABLE [FORMER]" >&2; exit 2; }
program=$(readlink -f "$1")
dir=$2
table=$3
former=${4:-}
[ -x "$program" ] || { echo "sweep: $1: not a program; run ./dev build" >&2; exit 1; }
[ -d "$dir" ] || { echo "sweep: $dir: not a folder" >&2; exit 1; }
[ -z "$former" ] || [ -r "$former" ] || { echo "sweep: $former: cannot be read" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# By the file's first bytes: pcap in either byte order, with micro- or nanoseconds, and pcapng.
is_capture() {
    case $(head -c 4 "$1" | od -An -tx1 | tr -d ' \n') in
        d4c3b2a1 | a1b2c3d4 | 4d3cb2a1 | a1b23c4d | 0a0d0d0a) return 0 ;;
        *) return 1 ;;
    esac
}

# Each finding as it stood in the end.
replay_one() {
    local file=$1 status=0
    timeout 60 "$program" replay --json "$file" >"$work/$2.json" 2>"$work/$2.err" || status=$?
    jq -r --slurp --arg file "${file#"$dir"/}" '
        [.[] | select(.event_type == "finding")] | group_by(.finding.id) | map(last)[]
        | [$file, .pcap_cnt // 0, .finding.kind, .finding.verdict, .finding.resolution // "",
           .finding.summary] | @tsv' "$work/$2.json" >"$work/$2.tsv" || status=255
    [ "$status" -lt 124 ] || printf '%s\t0\tcrash-or-timeout\t\t\tstatus %s\n' \
        "${file#"$dir"/}" "$status" >>"$work/$2.tsv"
    rm -f "$work/$2.json"
}
export -f replay_one
export program dir work

# One of those with the same content, in the order of their names.
count=0
while IFS= read -r -d '' file; do
    is_capture "$file" && printf '%s  %s\n' "$(sha1sum <"$file" | cut -c1-40)" "$file"
done < <(find "$dir" -type f -print0 | sort -z) | awk '!seen[$1]++' | cut -c43- >"$work/files"
count=$(wc -l <"$work/files")
echo "sweep: $count captures" >&2
# shellcheck disable=SC2016  # expanded by the inner shell
nl -w1 -s$'\t' "$work/files" |
    xargs -P "$(nproc)" -d '\n' -I{} bash -c 'IFS=$'"'\t'"' read -r n f <<<"$1"; replay_one "$f" "$n"' _ {}

find "$work" -name '*.tsv' -exec cat {} + | sort -t $'\t' -k1,1 -k2,2n -k3 >"$table"
{
    echo "captures: $count, findings: $(wc -l <"$table")"
    cut -f 3,4 "$table" | sort | uniq -c | sort -rn
} >&2
if [ -n "$former" ]; then
    diff "$former" "$table" | grep '^[<>]' || true
fi
