# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts that compare the rate of one TCP stream in several configurations ("arms"):
# each in every round, in reverse order every other round. The result is the median of the rounds'
# ratios, as the machine's drift exceeds the differences. `results` is a directory with a file of
# rates for each arm.
set -euo pipefail

results=$(mktemp -d)
readonly results

# Gbit/s that the server at ADDRESS received in SECONDS. Usage: stream ADDRESS SECONDS
# [COMMAND...]: the command goes before iperf3.
stream() {
    "${@:3}" iperf3 -J -t "$2" -c "$1" |
        awk '/"sum_received"/ { inside = 1 } inside && /bits_per_second/ { gsub(/[^0-9.e+]/, "", $2); print $2 / 1e9; exit }'
}

# take_rounds COUNT ARM...: `measure ARM` prints a rate
take_rounds() {
    local count=$1 round arm reversed=()
    local arms=("${@:2}")
    for arm in "${arms[@]}"; do reversed=("$arm" "${reversed[@]}"); done
    for round in $(seq "$count"); do
        [ ! -t 2 ] || printf 'round %s of %s\r' "$round" "$count" >&2
        [ $((round % 2)) -eq 1 ] || arms=("${reversed[@]}")
        for arm in "${arms[@]}"; do measure "$arm" >>"$results/$arm"; done
        arms=("${@:2}")
    done
}

median() { sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
# ratio A B: the median over the rounds of A's rate to B's in the same round.
ratio() { paste "$results/$1" "$results/$2" | awk '{ print $1 / $2 }' | median; }
