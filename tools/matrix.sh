#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The fast tests over Python 3.11 to 3.14 and Django 4.2, 5.2 and 6, each pair in an environment of its own under
# .matrix/, which is kept for the next time. Arguments go to pytest.
#
# A Python that is neither on PATH nor pyenv's nor uv's is fetched, if uv or Debian's packages have it. What could not
# be tested is said at the end, and ends with exit code 1 if STRICT=1.
set -euo pipefail

cd "$(dirname "$0")/.."
mkdir -p .matrix

find_interpreter() { # VERSION
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python "$(uv_python "$1")"; do
        candidate=$(command -v "$candidate" 2>/dev/null) || continue
        if [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]; then
            echo "$candidate"
            return
        fi
    done
}

uv_python() { # VERSION: the one that uv has installed, or found
    ! command -v uv >/dev/null || uv python find --no-python-downloads "$1" 2>/dev/null || true
}

fetch_interpreter() { # VERSION
    if command -v uv >/dev/null; then
        printf 'Python %s: fetched by uv\n' "$1"
        uv python install "$1" && return
    fi
    if [ "$(id -u)" = 0 ] && apt-cache show "python$1-venv" >/dev/null 2>&1; then
        printf 'Python %s: installed from packages\n' "$1"
        apt-get install -qq -y "python$1-venv" "python$1-dev" >/dev/null && return
    fi
    return 1
}

supported() { # PYTHON DJANGO: as Django's release notes say
    case $1-$2 in
    3.11-6.0 | 3.13-4.2 | 3.14-4.2) return 1 ;;
    esac
}

environment() { # FOLDER INTERPRETER DJANGO
    local folder=$PWD/$1 stamp
    stamp="$2 $3 $(cat pyproject.toml | cksum)"
    [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$stamp" ] && return
    rm -rf "$folder"
    "$2" -m venv "$folder/venv" &&
        "$folder/venv/bin/python" tools/requirements.py matrix >"$folder/requirements.txt" &&
        "$folder/venv/bin/python" -m pip install -q --disable-pip-version-check -r "$folder/requirements.txt" "Django~=$3" &&
        echo "$stamp" >"$folder/.stamp"
}

run() { # FOLDER: build in the folder, test with a tree that holds this interpreter's extension
    local folder=$PWD/$1
    shift
    PATH="$folder/venv/bin:$PATH" NO_COPY=1 tools/dev_build.sh "$folder/build" -Dpython=enabled &&
        rm -rf "$folder/tree" && mkdir -p "$folder/tree" &&
        cp -r django_kafka tests examples tools docs src binding include pyproject.toml VERSION README.md "$folder/tree" &&
        rm -f "$folder"/tree/django_kafka/_native*.so &&
        cp "$folder"/build/binding/_native*.so "$folder/tree/django_kafka/" &&
        (cd "$folder/tree" && PYTHONPATH=$folder/tree "$folder/venv/bin/python" -m pytest -q tests/py -m "not slow" "$@")
}

summary=()
failed=0
for python in 3.11 3.12 3.13 3.14; do
    interpreter=$(find_interpreter $python)
    if [ -z "$interpreter" ] && fetch_interpreter $python; then
        interpreter=$(find_interpreter $python)
    fi
    if [ -z "$interpreter" ]; then
        summary+=("Python $python: NOT TESTED, there is none on PATH, of pyenv or of uv, and none could be fetched")
        [ "${STRICT:-0}" = 0 ] || failed=1
        continue
    fi
    for django in 4.2 5.2 6.0; do
        supported $python $django || continue
        name="Python $python, Django $django"
        printf '\033[1m==>\033[0m %s\n' "$name"
        if environment ".matrix/$python-$django" "$interpreter" "$django" && run ".matrix/$python-$django" "$@"; then
            summary+=("$name: passed")
        else
            summary+=("$name: FAILED")
            failed=1
        fi
    done
done
printf '%s\n' "${summary[@]}"
exit $failed
