#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# All Python tests: those with real servers beside the others, since they wait for most of their time. The output of
# the first comes when the others are done.
#
#   tools/check_py.sh [arguments of pytest]
set -uo pipefail

cd "$(dirname "$0")/.."
mkdir -p .cache
log=$(mktemp .cache/live-tests.XXXXXX)
trap 'rm -f "$log"' EXIT
.venv/bin/python -m pytest tests/live tests/chaos "$@" >"$log" 2>&1 &
live=$!
# An interrupted run leaves none behind.
trap 'kill -INT $live 2>/dev/null; wait $live; cat "$log"; exit 130' INT TERM

.venv/bin/python -m pytest tests/py "$@"
code=$?
wait $live
live_code=$?
cat "$log"
# 5: no test of that part was asked for.
if [ $code -eq 5 ] && [ $live_code -eq 5 ]; then
    exit 5
fi
[ $code -eq 0 ] || [ $code -eq 5 ] || exit $code
[ $live_code -eq 0 ] || [ $live_code -eq 5 ] || exit $live_code
