#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: side_by_side.sh PROGRAM [OPTION...]
# Runs the tests of a GoogleTest program in three processes at once, each every third test: for tests
# that mostly wait. The output of the others follows that of the first; 77 if any test was skipped.
set -u
readonly processes=3
outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
export GTEST_TOTAL_SHARDS=$processes
others=()
for ((i = 1; i < processes; i++)); do
    GTEST_SHARD_INDEX=$i "$@" >"$outputs/$i" 2>&1 &
    others+=($!)
done
GTEST_SHARD_INDEX=0 "$@"
status=$?
for other in "${others[@]}"; do
    wait "$other"
    ended=$?
    # A failure counts most, then a skip.
    case $status in
        0) status=$ended ;;
        77) [ "$ended" -eq 0 ] || status=$ended ;;
    esac
done
cat "$outputs"/*
exit "$status"
