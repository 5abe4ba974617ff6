#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Run every fuzzer for so many seconds under ASan and UBSan, from its committed corpus. What it finds new goes to
# build-fuzz/corpus; an input that crashes is kept there too and named: it becomes a test.
#
#   tools/fuzz.sh [SECONDS] [part of a fuzzer's name]
set -euo pipefail

cd "$(dirname "$0")/.."
seconds=${1:-60}
part=${2:-}

CC=clang NO_COPY=1 tools/dev_build.sh build-fuzz -Dfuzz=true -Dpython=enabled -Dlink_librdkafka=true \
    -Db_sanitize=address,undefined -Db_lundef=false
failed=()
ran=0
for fuzzer in build-fuzz/tests/fuzz/fuzz-*"$part"*; do
    [ -f "$fuzzer" ] && [ -x "$fuzzer" ] || continue
    name=${fuzzer##*/fuzz-}
    found=build-fuzz/corpus/$name
    mkdir -p "$found"
    seeds=("tests/fuzz/corpus/$name")
    [ "$name" != native ] || seeds=(tests/fuzz/corpus/decode tests/fuzz/corpus/resolve)
    printf '\033[1m==>\033[0m %s for %s s\n' "$name" "$seconds"
    ran=$((ran + 1))
    "$fuzzer" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$found/../$name-" "$found" "${seeds[@]}" >"$found/../$name.log" 2>&1 || failed+=("$name")
    grep -E '^stat::(number_of_executed|average_exec|new_units|peak_rss)' "$found/../$name.log" || true
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'A crash, a leak or a time-out in: %s; see build-fuzz/corpus/NAME.log and the input beside it\n' "${failed[*]}" >&2
    exit 1
fi
echo "$ran fuzzers, nothing found"
