#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Formatting, ruff, mypy (of the package, and of a user's project), the width and the links of texts, and the rules of
# the project: who may include whom, what the extension may export and call.
#
#   tools/lint.sh          only look; every check runs, the exit code tells whether all passed
#   tools/lint.sh --fix    format and fix what can be fixed
set -uo pipefail

cd "$(dirname "$0")/.."
mapfile -t c_files < <(git ls-files '*.c' '*.h')
mapfile -t shell_files < <(git ls-files '*.sh' .ci/run)

if [ "${1:-}" = --fix ]; then
    clang-format -i "${c_files[@]}"
    ruff check -q --fix .
    ruff format -q .
    python tools/check_text.py --fix
    exit
fi

failed=()
step() {
    local name=$1
    shift
    if ! "$@"; then
        failed+=("$name")
    fi
}

syntax() {
    local file bad=0
    for file in "${shell_files[@]}"; do
        bash -n "$file" || bad=1
    done
    return $bad
}

step clang-format clang-format --dry-run -Werror "${c_files[@]}"
step ruff ruff check -q .
step "ruff format" ruff format -q --check .
step mypy mypy
step types python tools/check_types.py
step shell syntax
step text python tools/check_text.py
step figures python tools/draw_figure.py --check
[ ! -f tools/check_layers.py ] || step layers python tools/check_layers.py
step face python tools/check_face.py
step settings python tools/settings_table.py
if [ -f tools/check_symbols.sh ]; then
    step build tools/setup.sh native
    step symbols tools/check_symbols.sh
    step graph python tools/check_graph.py
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf 'lint failed: %s\n' "$(IFS=,; echo "${failed[*]}")" >&2
    exit 1
fi
echo "lint: all clean"
