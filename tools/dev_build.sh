#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Configure and build a Meson folder; a built extension is put beside the package's Python files, where it is
# imported.
#
#   tools/dev_build.sh FOLDER [meson options]      NO_COPY=1: leave it in the folder
set -euo pipefail

cd "$(dirname "$0")/.."
folder=$1
shift

# A folder that was configured with other options, or whose configuration was cut off or has moved, is made again.
stamp=$folder/.configured
wanted="$PWD $(command -v meson) $* CC=${CC:-} CFLAGS=${CFLAGS:-}"
if [ ! -f "$folder/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$folder"
    if ! output=$(meson setup "$folder" "$@" 2>&1); then
        printf '%s\n' "$output" >&2
        exit 1
    fi
    printf '%s\n' "$wanted" >"$stamp"
fi
ninja -C "$folder" ${JOBS:+-j "$JOBS"} --quiet

if [ -n "${NO_COPY:-}" ]; then
    exit
fi
# Copied under another name and renamed: a process that has the old one loaded keeps it.
for built in "$folder"/binding/_native*.so; do
    [ -e "$built" ] || continue
    target=django_kafka/${built##*/}
    if ! cmp -s "$built" "$target"; then
        cp "$built" "$target.new"
        mv "$target.new" "$target"
    fi
done
