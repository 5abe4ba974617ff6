#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Build the C tests and run them.
#
#   tools/check_c.sh FOLDER "MESON OPTIONS" [arguments of the runner: part of a test's name, --fail-alloc, ...]
set -euo pipefail

cd "$(dirname "$0")/.."
folder=$1
read -ra options <<<"$2"
shift 2
tools/dev_build.sh "$folder" "${options[@]}"
[ -z "${CI:-}" ] || set -- --no-skip "$@"
# TSan cannot place its shadow memory under the widest address randomisation of newer kernels.
case ${options[*]} in
*thread*) exec setarch "$(uname -m)" -R "$folder/tests/c/dk-test" -j "$(nproc)" "$@" ;;
*) exec "$folder/tests/c/dk-test" -j "$(nproc)" "$@" ;;
esac
