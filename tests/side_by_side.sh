#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: side_by_side.sh PROGRAM [OPTION...]
# Runs the tests of a GoogleTest program six at a time, each in a process of its own: for tests that mostly
# wait. Their output comes in the order of the tests, at the end. Exit status: 0, 1 if any failed, else 77 if
# any was skipped.
set -u
readonly at_a_time=6
readonly program=$1
shift
outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
# "Suite/0.  # TypeParam = int" and below it "  Test/0  # GetParam() = 1".
mapfile -t tests < <("$program" --gtest_list_tests "$@" |
    awk '/^[^ ]+[.]/ { suite = $1 } /^  / { print suite $1 }')
if [ ${#tests[@]} -eq 0 ]; then
    echo "side_by_side.sh: no test in $program matches $*" >&2
    exit 1
fi

run() {  # INDEX
    "$program" --gtest_filter="${tests[$1]}" >"$outputs/$1" 2>&1
    echo $? >"$outputs/$1.status"
}
running=0
for index in "${!tests[@]}"; do
    if [ "$running" -eq "$at_a_time" ]; then
        wait -n
        running=$((running - 1))
    fi
    run "$index" &
    running=$((running + 1))
done
wait

status=0
for index in "${!tests[@]}"; do
    cat "$outputs/$index"
    ended=$(cat "$outputs/$index.status")
    if [ "$ended" -eq 77 ]; then
        [ "$status" -ne 0 ] || status=77
    elif [ "$ended" -ne 0 ]; then
        echo "side_by_side.sh: ${tests[$index]} ended with status $ended"
        status=1
    fi
done
exit "$status"
