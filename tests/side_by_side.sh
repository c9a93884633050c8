#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: side_by_side.sh PROGRAM [OPTION...]
# Runs the tests of a GoogleTest program in two processes at once, each every other test: for tests
# that mostly wait. The output of the second follows that of the first; 77 if any test was skipped.
set -u
output=$(mktemp)
trap 'rm -f "$output"' EXIT
export GTEST_TOTAL_SHARDS=2
GTEST_SHARD_INDEX=1 "$@" >"$output" 2>&1 &
second=$!
GTEST_SHARD_INDEX=0 "$@"
status=$?
wait "$second"
other=$?
cat "$output"
for skipped in 0 77; do
    [ "$status" -ne "$skipped" ] || status=$other
    [ "$other" -ne "$skipped" ] || other=$status
done
exit "$status"
