#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Values that do mischief, given to the extension under ASan and UBSan (tests/fuzz/objects.py). It prints the seed in
# hand: with it the run is repeated.
#
#   tools/fuzz_objects.sh [SECONDS] [SEED]
set -euo pipefail

cd "$(dirname "$0")/.."
seconds=${1:-60}
seed=${2:-$RANDOM}
folder=$PWD/build-asan-python

NO_COPY=1 tools/dev_build.sh "$folder" -Dpython=enabled -Db_sanitize=address,undefined -Db_lundef=false \
    -Dbuildtype=debugoptimized
so=$(find "$folder" -path "$folder/package" -prune -o -name '_native*.so' -print | head -n 1)
package=$folder/package
rm -rf "$package"
mkdir -p "$package/tests"
# The package as it is, but for the extension.
mkdir "$package/django_kafka"
find "$PWD/django_kafka" -mindepth 1 -maxdepth 1 ! -name '_native*.so' -exec ln -s {} "$package/django_kafka/" \;
ln -s "$so" "$package/django_kafka/"
ln -s "$PWD/tests/fuzz" "$PWD/tests/__init__.py" "$package/tests/"
# CPython keeps some memory until it ends: leaks are looked for by tests/py/unit/test_avro_memory.py.
preload=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)
cd "$package"
exec env LD_PRELOAD="$preload" PYTHONMALLOC=malloc PYTHONPATH="$package" \
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    python -m tests.fuzz.objects --seconds "$seconds" --seed "$seed"
