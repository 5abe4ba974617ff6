#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Install the package into a new environment, away from the source tree, and send messages through what was installed.
set -euo pipefail

cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

python -m venv "$place/venv"
"$place/venv/bin/python" -m pip install -q --disable-pip-version-check .
cp tools/check_install.py "$place"
cd "$place"
env -u PYTHONPATH "$place/venv/bin/python" check_install.py
"$place/venv/bin/python" -m pip check
