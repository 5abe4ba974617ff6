#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Line coverage of src/ by the C tests: a table per file, the lines that no test reached, and a failure below the bar.
#
#   tools/coverage.sh [--lines] [part of a test's name...]      BAR=90 percent; --lines lists what was not reached
#
# Needs gcc and its gcov (GCOV=gcov-13 names another one).
set -euo pipefail

cd "$(dirname "$0")/.."
folder=build-coverage
show=()
if [ "${1:-}" = --lines ]; then
    show=(--lines)
    shift
fi

CC=${CC:-gcc} NO_COPY=1 tools/dev_build.sh "$folder" -Db_coverage=true -Dtests=true -Dpython=disabled -Dbuildtype=debug
find "$folder" -name '*.gcda' -delete
code=0
"$folder/tests/c/dk-test" -j "$(nproc)" "$@" | grep -v '^ok ' || code=1
# What only a failed allocation reaches counts too: that sweep asserts as much as the tests do.
"$folder/tests/c/dk-test" -j "$(nproc)" --fail-one "$@" | tail -n 1 || code=1
python3 tools/coverage_report.py --bar "${BAR:-90}" "${show[@]}" "$folder/libdk.a.p" || code=1
[ $code = 0 ] || echo "coverage: a test failed, or the bar was not reached" >&2
exit $code
